#include <chrono>
#include <cstdint>
#include <doctest/doctest.h>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include "ringrpc/log.h"

#include "base/log_loss.h"
#include "base/log_receipt.h"
#include "small_stderr.h"
#include "text_data.h"

namespace ringrpc {
namespace {

using namespace std::literals;

/// Lines of JSON during its lifetime.
struct JsonLines {
  JsonLines() { log::set_format(log::Format::json); }
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;
  ~JsonLines() {
    log::flush();
    log::set_format(log::Format::text);
  }
};

TEST_CASE("a record is one JSON object with its named values") {
  SmallStderr file;
  const JsonLines json;
  log::warn("{} took {} bytes", log::Field("peer", "127.0.0.1:4071"), log::Field("bytes", 12u),
            log::Field("tls", true));
  log::info("none");
  CHECK(
      file.text() ==
      R"({"time":"TIME","level":"warning","message":"127.0.0.1:4071 took 12 bytes","peer":"127.0.0.1:4071","bytes":12,"tls":true})"
      "\n"
      R"({"time":"TIME","level":"info","message":"none"})"
      "\n");
}

TEST_CASE("in text, named values are written like others") {
  SmallStderr file;
  log::info("{}: {} {} {}", log::Field("peer", std::string("unix:")), log::Field("lost", -1),
            log::Field("share", 0.5), log::Field("idle", false));
  CHECK(file.text() == "TIME info unix:: -1 0.5 false\n");
}

TEST_CASE("no bytes of a peer break a JSON line") {
  SmallStderr file;
  const JsonLines json;
  log::info("path {}", log::Field("path", "\"}\n{\xff\x1b"sv));
  CHECK(file.text() ==
        R"({"time":"TIME","level":"info","message":"path \"}\\x0a{\\xff\\x1b","path":"\"}\\x0a{\\xff\\x1b"})"
        "\n");
}

TEST_CASE("a named text of any length takes at most about 1 KiB") {
  SmallStderr file;
  const JsonLines json;
  log::info("long", log::Field("path", std::string(100'000, 'x')));
  CHECK(file.size() < 1200);
  CHECK(file.text().ends_with(" ... 98976 more bytes\"}\n"));
}

TEST_CASE("the warning about lost lines is a JSON object too") {
  SmallStderr file;
  const JsonLines json;
  log::info("first");
  file.take(file.size());
  log::info("lost");
  file.take(RLIM_INFINITY);
  log::info("second");
  CHECK(test::lines_with(file.text(), {R"({"time":"TIME","level":"warning","message":"1 )",
                                       R"j( TIME: it could not be written (File too large)"})j"}) == 1);
}

/// Keeps records as text.
class KeptRecords final : public log::Sink {
 public:
  void write(const log::Record& record) override {
    if (record.message == "bad") throw std::runtime_error("no");
    std::string text(log::name(record.level));
    text.append(" ").append(record.message);
    for (const log::Field& field : record.fields) text.append(" ").append(field.name());
    texts.push_back(text);
  }
  void flush() override { ++flushes; }

  std::vector<std::string> texts;  // read after log::flush
  int flushes = 0;
};

TEST_CASE("a sink takes the records instead of stderr") {
  SmallStderr file;
  const auto sink = std::make_shared<KeptRecords>();
  log::set_sink(sink);
  log::info("from {}", log::Field("peer", "x"));
  log::error("done");
  log::flush();
  CHECK(sink->texts == std::vector<std::string>{"info from x peer", "error done"});
  CHECK(sink->flushes > 0);
  log::set_sink(nullptr);
  CHECK(sink.use_count() == 1);
  log::info("back");
  CHECK(file.text() == "TIME info back\n");
}

TEST_CASE("a record for which the sink throws is counted as lost") {
  const auto sink = std::make_shared<KeptRecords>();
  log::set_sink(sink);
  const std::uint64_t before = log_lines_lost();
  log::info("bad");
  log::info("good");
  log::flush();
  log::set_sink(nullptr);
  CHECK(log_lines_lost() == before + 1);
  CHECK(sink->texts == std::vector<std::string>{"info good"});
}

}  // namespace
}  // namespace ringrpc
