/// The access log of a server: a line for each call.

#include "ringrpc/access_log.h"

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "ringrpc/bearer_auth.h"

#include "base/log_loss.h"
#include "rpc/kept_log.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

class AccessFile {
 public:
  explicit AccessFile(AccessLogOptions options = {}) {
    std::string name = std::filesystem::temp_directory_path() / "ringrpc-XXXXXX";
    REQUIRE(::mkdtemp(name.data()));
    folder_ = name;
    options.path = path();
    open(options);
  }
  AccessFile(const AccessFile&) = delete;
  AccessFile& operator=(const AccessFile&) = delete;
  ~AccessFile() { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ / "access.log"; }
  std::string socket() const { return "unix:" + (folder_ / "socket").string(); }

  ServerOptions server_options() const {
    ServerOptions options;
    options.access_log = log_;
    return options;
  }

  /// Without the time, the client's port, the duration, and a request id that the server has made.
  std::vector<std::string> lines() const {
    log_->flush();
    const std::regex varying(
        R"(^\S+Z |(:)\d+(?= )|( duration_ms=)\d+\.\d{3}| request_id=[0-9a-f]{16}(?= |$))");
    std::vector<std::string> all;
    std::ifstream file(path());
    for (std::string line; std::getline(file, line);)
      all.push_back(std::regex_replace(line, varying, "$1$2"));
    return all;
  }

 private:
  void open(const AccessLogOptions& options) {
    Result<std::shared_ptr<AccessLog>> opened = AccessLog::open(options);
    REQUIRE(opened);
    log_ = *opened;
  }

  std::filesystem::path folder_;
  std::shared_ptr<AccessLog> log_;
};

TEST_CASE("each call has one line, with its outcome and its size in both directions") {
  for_some_worlds([](World& world) {
    const AccessFile file;
    world.serve(file.server_options());
    CHECK(world.run([](Channel& channel) -> Task<void> {
      CallOptions options;
      CHECK(options.metadata.add("x-request-id", "r 1").ok());
      CHECK(options.metadata.add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
                .ok());
      CHECK(co_await unary(channel, "Echo", "hello", options));
      CHECK_FALSE(co_await unary(channel, "Fail", "5"));
      CHECK_FALSE(co_await unary(channel, "Nothing", "x"));
      auto count =
          channel.server_streaming<RawMessage, RawMessage>("/test.v1.Raw/Count", RawMessage{"3"}, {});
      while (co_await count.next()) {
      }
      CHECK((co_await count.finish()).ok());
      options.timeout = 20ms;
      CHECK_FALSE(co_await unary(channel, "Sleep", "60000", options));
    }));
    world.stop();
    const std::vector<std::string> lines = file.lines();
    REQUIRE(lines.size() == 5);
    CHECK(lines[0] ==
          "method=/test.v1.Raw/Echo peer=127.0.0.1: status=OK duration_ms= received_messages=1 "
          "received_bytes=5 "
          "sent_messages=1 sent_bytes=5 request_id=\"r 1\" trace_id=0af7651916cd43dd8448eb211c80319c");
    CHECK(lines[1] ==
          "method=/test.v1.Raw/Fail peer=127.0.0.1: status=NOT_FOUND duration_ms= received_messages=1 "
          "received_bytes=1 sent_messages=0 sent_bytes=0");
    CHECK(lines[2] ==
          "method=/test.v1.Raw/Nothing peer=127.0.0.1: status=UNIMPLEMENTED duration_ms= received_messages=0 "
          "received_bytes=0 sent_messages=0 sent_bytes=0");
    CHECK(lines[3].starts_with(
        "method=/test.v1.Raw/Count peer=127.0.0.1: status=OK duration_ms= received_messages=1 "
        "received_bytes=1 sent_messages=3 "));
    CHECK(lines[4].find("method=/test.v1.Raw/Sleep peer=127.0.0.1: status=") == 0);
    CHECK(lines[4].find("status=OK") == std::string::npos);
  });
}

TEST_CASE("a line has the holder of the call's token as its identity, if the token is valid") {
  RealWorld world;
  const AccessFile file;
  BearerAuth authentication(BearerAuth::known_tokens({{"secret", "alice"}}));
  ServerOptions options = file.server_options();
  options.interceptors = {&authentication};
  world.serve(options, file.socket());
  CHECK(world.run([](Channel& channel) -> Task<void> {
    for (const char* authorization : {"Bearer secret", "Bearer guess"}) {
      CallOptions call;
      CHECK(call.metadata.add("authorization", authorization).ok());
      (void)co_await unary(channel, "Echo", "x", call);
    }
  }));
  world.stop();
  const std::vector<std::string> lines = file.lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find(" identity=alice status=OK ") != std::string::npos);
  CHECK(lines[1].find(" identity=\"pid ") != std::string::npos);
  CHECK(lines[1].find(" status=UNAUTHENTICATED ") != std::string::npos);
}

TEST_CASE(
    "a line has the beginning of a long path that no service has, whether a fallback serves it or none "
    "does") {
  struct Ok final : Fallback {
    Task<Status> serve(Call&, MessageStream&) override { co_return Status(); }
  } ok;
  const std::string path = "/a.v1.B/" + std::string(4'000, 'x');
  for (Fallback* fallback : {static_cast<Fallback*>(nullptr), static_cast<Fallback*>(&ok)}) {
    SimulatedWorld world(1);
    const AccessFile file;
    ServerOptions options = file.server_options();
    options.fallback = fallback;
    world.serve(options);
    CHECK(world.run([&path](Channel& channel) -> Task<void> {
      (void)co_await channel.unary<RawMessage, RawMessage>(path, RawMessage{"x"});
    }));
    world.stop();
    const std::vector<std::string> lines = file.lines();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("method=" + path.substr(0, 100) + "... peer="));
  }
}

TEST_CASE("a line has the identity that the transport has verified") {
  RealWorld world;
  const AccessFile file;
  world.serve(file.server_options(), file.socket());
  CHECK(world.run([](Channel& channel) -> Task<void> { CHECK(co_await unary(channel, "Echo", "x")); }));
  world.stop();
  const std::vector<std::string> lines = file.lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("identity=\"pid " + std::to_string(::getpid()) + ", uid " +
                      std::to_string(::geteuid())) != std::string::npos);
}

TEST_CASE("calls in flight when the server stops are logged as cancelled") {
  RealWorld world;
  const AccessFile file;
  world.serve(file.server_options());
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    auto call = unary(channel, "Sleep", "60000");
    call.start();
    while (world.service().running == 0) co_await sleep_for(1ms);
  }));
  world.stop();
  const std::vector<std::string> lines = file.lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("status=CANCELLED") != std::string::npos);
}

TEST_CASE("sampling and the rate limit hold for calls of one shard") {
  RealWorld world;
  const AccessFile file({.one_call_of = 10});
  world.serve(file.server_options());
  CHECK(world.run([](Channel& channel) -> Task<void> {
    for (int at = 0; at < 40; ++at) CHECK(co_await unary(channel, "Echo", "x"));
    for (int at = 0; at < 3; ++at) CHECK_FALSE(co_await unary(channel, "Fail", "5"));
  }));
  world.stop();
  const std::vector<std::string> lines = file.lines();
  CHECK(std::ranges::count_if(lines,
                              [](const std::string& line) { return line.find("=OK ") != line.npos; }) == 4);
  CHECK(std::ranges::count_if(
            lines, [](const std::string& line) { return line.find("=NOT_FOUND ") != line.npos; }) == 3);
}

TEST_CASE("a reader of the access log that stalls delays no call, and every lost line is counted") {
  const AccessFile folder;
  const std::string pipe = folder.path() + ".pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);  // and reads nothing
  constexpr int calls = 20'000;  // the pipe has 64 KiB, and 8192 lines wait
  const std::uint64_t lost_before = log_lines_lost();
  const test::KeptLog log(log::Level::warn);
  {
    Result<std::shared_ptr<AccessLog>> access = AccessLog::open({.path = pipe});
    REQUIRE(access);
    RealWorld world;
    ServerOptions options;
    options.access_log = *access;
    world.serve(options);
    CHECK(world.run([](Channel& channel) -> Task<void> {
      for (int at = 0; at < calls; ++at) CHECK(co_await unary(channel, "Echo", "x"));
    }));
    CHECK(log_lines_lost() - lost_before > calls / 2);
    world.stop();
    // Once it reads, it gets all lines that were not lost.
    ::fcntl(reader, F_SETFL, 0);
    std::uint64_t read = 0;
    std::vector<char> buffer(65536);
    while (read < calls - (log_lines_lost() - lost_before)) {
      const ssize_t bytes = ::read(reader, buffer.data(), buffer.size());
      REQUIRE(bytes > 0);
      read += static_cast<std::uint64_t>(std::count(buffer.begin(), buffer.begin() + bytes, '\n'));
    }
    CHECK(read + log_lines_lost() - lost_before == calls);
  }
  ::close(reader);
  CHECK(log.count("warn access log " + pipe + ": ") > 0);
}

TEST_CASE("level trace shows frames and states, and nothing of what they carry") {
  const test::KeptLog log(log::Level::trace);
  for_some_worlds([](World& world) {
    CHECK(world.run([](Channel& channel) -> Task<void> {
      CallOptions options;
      CHECK(options.metadata.add("authorization", "Bearer secret-token").ok());
      CHECK(co_await unary(channel, "Echo", "secret-payload", options));
    }));
    world.stop();
  });
  const std::string text = log.text();
  for (const char* shown :
       {": sent SETTINGS, stream 0, flags 0x0, ", ": received HEADERS, stream 1, flags 0x4, ",
        ": received DATA, stream 1, flags 0x1, 19 bytes\n", ": sent DATA, stream 1, flags 0x0, 19 bytes\n",
        ": sent HEADERS, stream 1, flags 0x5, ", ": stream 1: /test.v1.Raw/Echo: the handler is running\n",
        ": /test.v1.Raw/Echo: attempting\n", ": /test.v1.Raw/Echo: finished: OK\n",
        ": connecting to 127.0.0.1:"}) {
    CAPTURE(shown);
    CHECK(text.find(shown) != text.npos);
  }
  CHECK(text.find("secret") == text.npos);
  CHECK(text.find("unknown type") == text.npos);
}

}  // namespace
}  // namespace ringrpc
