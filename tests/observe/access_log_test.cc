#include "ringrpc/access_log.h"

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "observe/access_record.h"
#include "observe/rate_gate.h"
#include "observe/trace_wire.h"

namespace ringrpc {
namespace {

using namespace std::literals;

constexpr AccessRecord full{.method = "/echo.v1.EchoService/Echo",
                            .peer = "127.0.0.1:40712",
                            .identity = "CN=alice,O=a \"b\"",
                            .code = Code::NOT_FOUND,
                            .duration = 1'234'567ns,
                            .received_messages = 1,
                            .sent_messages = 3,
                            .traffic = {.sent_bytes = 40, .received_bytes = 18},
                            .request_id = "r-1",
                            .trace_id = "0af7651916cd43dd8448eb211c80319c"};

TEST_CASE("a line of JSON has the call's members") {
  CHECK(
      access_line(full, log::Format::json, 7) ==
      R"("method":"/echo.v1.EchoService/Echo","peer":"127.0.0.1:40712","identity":"CN=alice,O=a \"b\"",)"
      R"("status":"NOT_FOUND","duration_ms":1.234,"received_messages":1,"received_bytes":18,"sent_messages":3,)"
      R"("sent_bytes":40,"request_id":"r-1","trace_id":"0af7651916cd43dd8448eb211c80319c","suppressed":7)");
}

TEST_CASE("a line of text has them too, and quotes values that are not one word") {
  CHECK(access_line(full, log::Format::text, 7) ==
        R"(method=/echo.v1.EchoService/Echo peer=127.0.0.1:40712 identity="CN=alice,O=a \"b\"" )"
        R"(status=NOT_FOUND duration_ms=1.234 received_messages=1 received_bytes=18 sent_messages=3 )"
        R"(sent_bytes=40 request_id=r-1 trace_id=0af7651916cd43dd8448eb211c80319c suppressed=7)");
}

TEST_CASE("what a call does not have is left out") {
  const AccessRecord bare{.method = "/a.B/C", .peer = "unix:"};
  CHECK(access_line(bare, log::Format::text, 0) ==
        "method=/a.B/C peer=unix: status=OK duration_ms=0.000 received_messages=0 received_bytes=0 "
        "sent_messages=0 "
        "sent_bytes=0");
}

TEST_CASE("texts of clients can neither break a line nor fill it") {
  const std::string id = "\n\" forged=1 \xff\x1b" + std::string(100'000, 'x');
  const std::string who(100'000, 'y');
  const AccessRecord hostile{.method = "/a\r\n", .peer = "unix:/\n", .identity = who, .request_id = id};
  for (const log::Format format : {log::Format::text, log::Format::json}) {
    const std::string line = access_line(hostile, format, 0);
    CHECK(line.size() < 1000);
    CHECK(line.find_first_of("\r\n\x1b"sv) == line.npos);
    CHECK(line.find("more bytes") != line.npos);
  }
  CHECK(access_line(hostile, log::Format::text, 0).find(R"(request_id="\\x0a\" forged=1 \\xff\\x1bxx)") !=
        std::string::npos);
}

TEST_CASE("the trace id is taken from a valid traceparent only") {
  constexpr std::string_view id = "0af7651916cd43dd8448eb211c80319c";
  CHECK(trace_id_of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") == id);
  CHECK(trace_id_of("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future") == id);
  for (const std::string_view malformed : {"", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
                                           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                                           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                                           "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more",
                                           "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                           "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
    CAPTURE(malformed);
    CHECK(trace_id_of(malformed).empty());
  }
}

TEST_CASE("a rate gate passes a second's worth at once, then the rate, and counts the rest") {
  RateGate gate(10);
  Instant now{1h};
  const auto passed = [&](int events) {
    int count = 0;
    for (int i = 0; i < events; ++i) count += gate.pass(now) ? 1 : 0;
    return count;
  };
  CHECK(passed(25) == 10);
  CHECK(gate.suppressed() == 15);
  now += 100ms;
  CHECK(gate.pass(now) == 15u);
  CHECK(gate.suppressed() == 0);
  CHECK(passed(3) == 0);
  now += 1h;
  CHECK(gate.pass(now) == 3u);
  CHECK(passed(20) == 9);
  RateGate open(0);
  CHECK(open.pass(now) == 0u);
}

class LogFolder {
 public:
  LogFolder() {
    std::string name = std::filesystem::temp_directory_path() / "ringrpc-XXXXXX";
    REQUIRE(::mkdtemp(name.data()));
    path_ = name;
  }
  LogFolder(const LogFolder&) = delete;
  LogFolder& operator=(const LogFolder&) = delete;
  ~LogFolder() { std::filesystem::remove_all(path_); }

  std::string file() const { return path_ / "access.log"; }

 private:
  std::filesystem::path path_;
};

std::shared_ptr<AccessLog> open_log(AccessLogOptions options) {
  Result<std::shared_ptr<AccessLog>> log = AccessLog::open(options);
  REQUIRE(log);
  return *log;
}

/// Ends `codes` one after the other. Returns which of them were logged.
std::string logged(AccessSampler& sampler, std::string_view codes, Instant now = Instant(1h)) {
  std::string taken;
  for (const char code : codes) {
    const auto place = sampler.take(code == '.' ? Code::OK : Code::UNAVAILABLE, now);
    taken += place ? code : '-';
  }
  return taken;
}

TEST_CASE("sampling takes one call of so many, and all failures unless they are sampled too") {
  const LogFolder folder;
  AccessSampler all(open_log({.path = folder.file()}));
  CHECK(logged(all, ".x.x.") == ".x.x.");
  AccessSampler third(open_log({.path = folder.file(), .one_call_of = 3}));
  CHECK(logged(third, "....x..x..") == ".--.x-.x-.");
  AccessSampler sampled(open_log({.path = folder.file(), .one_call_of = 3, .all_failures = false}));
  CHECK(logged(sampled, ".xx.xx") == ".--.--");
}

TEST_CASE("the rate limit holds for failures too, over all shards, and the next line has the count") {
  const LogFolder folder;
  const auto log = open_log({.path = folder.file(), .lines_per_second_max = 4});
  AccessSampler one(log), other(log);
  CHECK(logged(one, ".x.") == ".x.");
  CHECK(logged(other, "xx.x") == "x---");
  const auto place = one.take(Code::OK, Instant(1h) + 10s);
  REQUIRE(place);
  place->write({.method = "/a.B/C", .peer = "unix:"});
  log->flush();
  std::ostringstream text;
  text << std::ifstream(folder.file()).rdbuf();
  CHECK(text.str().ends_with(" sent_bytes=0 suppressed=3\n"));
}

TEST_CASE("an access log that cannot be opened names its file") {
  const auto refused = AccessLog::open({.path = "/nowhere/access.log"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() == "access log: /nowhere/access.log: no such file or directory");
}

}  // namespace
}  // namespace ringrpc
