#include "ringrpc/log.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <latch>
#include <regex>
#include <semaphore>
#include <set>
#include <stdexcept>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "base/log_writer.h"
#include "own_process.h"

/// Counts how often it is formatted.
struct Counted {
  int* count;
};
template <>
struct fmt::formatter<Counted> : fmt::formatter<int> {
  template <class Context>
  auto format(const Counted& counted, Context& context) const {
    return fmt::formatter<int>::format(++*counted.count, context);
  }
};

/// Fails when it is formatted.
struct Unprintable {};
template <>
struct fmt::formatter<Unprintable> : fmt::formatter<int> {
  template <class Context>
  auto format(Unprintable, Context& context) const -> decltype(context.out()) {
    throw std::runtime_error("no words for it");
  }
};

using namespace std::literals;

namespace ringrpc {
namespace {

/// Keeps the records; can block the writer before a record.
class KeepingSink final : public LogSink {
 public:
  void block() { blocked_ = true; }
  void wait_until_blocking() { entered_.wait(); }
  void unblock() { released_.release(); }

  /// Read it only after the writer has been flushed or stopped.
  std::vector<std::string> records;

 private:
  void take(LogRecord record) override {
    if (blocked_) {
      blocked_ = false;
      entered_.count_down();
      released_.acquire();
    }
    records.push_back(std::string(log::name(record.level)) + " " + record.message);
    if (record.receipt) record.receipt->tell(true);
  }
  std::errc flush() override { return {}; }

  bool blocked_ = false;
  std::latch entered_{1};
  std::binary_semaphore released_{0};
};

/// Redirects the process's stderr during its lifetime.
class CapturedStderr {
 public:
  CapturedStderr() { dup2(file_, 2); }
  ~CapturedStderr() {
    log::flush();
    dup2(stderr_, 2);
    close(stderr_);
    close(file_);
  }
  std::string text() const {
    log::flush();
    std::string text(static_cast<std::size_t>(lseek(file_, 0, SEEK_END)), '\0');
    text.resize(static_cast<std::size_t>(pread(file_, text.data(), text.size(), 0)));
    return text;
  }

 private:
  int stderr_ = dup(2);
  int file_ = memfd_create("stderr", 0);
};

/// Restores the level in its destructor.
struct LevelRestored {
  log::Level before = log::level();
  ~LevelRestored() { log::set_level(before); }
};

TEST_CASE("a record is one line: time in UTC, level, message") {
  CapturedStderr captured;
  log::info("listening on {}:{}", "127.0.0.1", 50051);
  log::error("{0:>3}{0}", 7);
  std::string text = captured.text();
  std::replace_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }, '#');
  CHECK(text ==
        "####-##-##T##:##:##.###Z info listening on ###.#.#.#:#####\n"
        "####-##-##T##:##:##.###Z error   ##\n");
}

TEST_CASE("bytes from a peer can neither forge a line nor control a terminal") {
  CapturedStderr captured;
  log::warn("path {}", "/a\r\n2026-01-01T00:00:00.000Z info forged\x1b[2J\0\x7f\x9b"sv);
  const std::string text = captured.text();
  CHECK(text.ends_with(
      " warning path /a\\x0d\\x0a2026-01-01T00:00:00.000Z info forged\\x1b[2J\\x00\\x7f\\x9b\n"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
}

TEST_CASE("a level that is off formats nothing") {
  CapturedStderr captured;
  LevelRestored restored;
  int formatted = 0;

  log::debug("{}", Counted{&formatted});
  CHECK(formatted == 0);
  log::set_level(log::Level::off);
  log::error("{}", Counted{&formatted});
  CHECK(formatted == 0);
  CHECK(captured.text().empty());

  log::set_level(log::Level::trace);
  log::trace("{}", Counted{&formatted});
  log::debug("{}", Counted{&formatted});
  CHECK(formatted == 2);
}

TEST_CASE("each level passes itself and more severe ones") {
  CapturedStderr captured;
  LevelRestored restored;
  log::set_level(log::Level::warn);
  CHECK(log::level() == log::Level::warn);
  CHECK_FALSE(log::enabled(log::Level::info));
  CHECK(log::enabled(log::Level::warn));
  CHECK(log::enabled(log::Level::error));
  log::trace("no");
  log::debug("no");
  log::info("no");
  log::warn("yes");
  log::error("yes");
  const std::string text = captured.text();
  CHECK(text.find("no") == std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
}

TEST_CASE("a formatter that throws costs only its record") {
  CapturedStderr captured;
  log::info("it is {}", Unprintable());
  log::info("next");
  CHECK(captured.text().find("info it is ... (formatting failed: no words for it)\n") != std::string::npos);
  CHECK(captured.text().ends_with("info next\n"));
}

TEST_CASE("levels are parsed from their names") {
  for (const log::Level level : log::levels) CHECK(log::parse_level(log::name(level)) == level);
  CHECK(log::name(log::Level::warn) == "warn");
  CHECK(log::levels.front() == log::Level::trace);
  CHECK(log::levels.back() == log::Level::off);
  CHECK(log::parse_level("trace") == log::Level::trace);
  CHECK(log::parse_level("debug") == log::Level::debug);
  CHECK(log::parse_level("info") == log::Level::info);
  CHECK(log::parse_level("warn") == log::Level::warn);
  CHECK(log::parse_level("warning") == log::Level::warn);
  CHECK(log::parse_level("error") == log::Level::error);
  CHECK(log::parse_level("off") == log::Level::off);
  const Result<log::Level> unknown = log::parse_level("Debug");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().to_string() ==
        "INVALID_ARGUMENT: no log level named \"Debug\"; take one of trace, debug, info, warn, error, off");
}

TEST_CASE("records that find the queue full are dropped, counted, and the count is logged once") {
  auto sink = std::make_shared<KeepingSink>();
  sink->block();
  LogWriter writer(sink, 4);
  writer.submit(log::Level::info, "first");
  sink->wait_until_blocking();
  for (int i = 0; i < 10; ++i) writer.submit(log::Level::info, std::to_string(i));
  sink->unblock();
  writer.flush();
  writer.stop();
  const std::regex account(R"(warn 6 .* \S+Z .* \S+Z: they came faster than .*)");
  CHECK(std::erase_if(sink->records,
                      [&](const std::string& record) { return std::regex_match(record, account); }) == 1);
  CHECK(sink->records == std::vector<std::string>{"info first", "info 0", "info 1", "info 2", "info 3"});
}

TEST_CASE("threads log at the same time, and every lost record is counted") {
  constexpr int threads = 4, each = 5000;
  auto sink = std::make_shared<KeepingSink>();
  LogWriter writer(sink, 64);
  std::vector<std::jthread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&writer, t] {
      for (int i = 0; i < each; ++i) writer.submit(log::Level::info, std::to_string(t * each + i));
      writer.flush();
    });
  }
  running.clear();
  writer.stop();
  std::set<std::string> written;
  unsigned long dropped = 0;
  for (const std::string& record : sink->records) {
    if (record.starts_with("info "))
      CHECK(written.insert(record).second);
    else
      dropped += std::stoul(record.substr(record.find(' ')));
  }
  CHECK(written.size() + dropped == threads * each);
}

/// Records the reported outcome.
class KeptReceipt final : public log::Receipt {
 public:
  void tell(bool written) noexcept override { told.push_back(written); }
  std::vector<bool> told;
};

TEST_CASE("a receipt learns whether its record was written, and the condition has the reason if not") {
  auto sink = std::make_shared<KeepingSink>();
  sink->block();
  LogWriter writer(sink, 2);
  writer.submit(log::Level::info, "first");
  sink->wait_until_blocking();
  CHECK(writer.condition().ok());
  const auto written = std::make_shared<KeptReceipt>();
  const auto dropped = std::make_shared<KeptReceipt>();
  writer.submit(log::Level::info, "second", written);
  writer.submit(log::Level::info, "third");
  CHECK(writer.condition().ok());
  writer.submit(log::Level::info, "fourth", dropped);
  CHECK(dropped->told == std::vector{false});
  CHECK(writer.condition().code() == Code::UNAVAILABLE);
  CHECK(writer.condition().message().ends_with(": its queue is full"));
  sink->unblock();
  writer.stop();
  CHECK(written->told == std::vector{true});
  CHECK(dropped->told.size() == 1);
  CHECK(writer.condition().ok());
}

TEST_CASE("a writer that has stopped neither writes nor makes flush wait") {
  auto sink = std::make_shared<KeepingSink>();
  LogWriter writer(sink, 4);
  writer.submit(log::Level::error, "in time");
  writer.stop();
  for (int i = 0; i < 10; ++i) writer.submit(log::Level::error, "late");
  writer.flush();
  CHECK(sink->records == std::vector<std::string>{"error in time"});
}

TEST_CASE("a sink that blocks makes neither flush nor stop wait forever") {
  auto sink = std::make_shared<KeepingSink>();
  sink->block();
  {
    LogWriter writer(sink, 4, 10ms);
    writer.submit(log::Level::info, "first");
    sink->wait_until_blocking();
    CHECK_FALSE(writer.flush());
    CHECK_FALSE(writer.stop());
  }
  const std::weak_ptr<KeepingSink> left(sink);
  sink->unblock();
  sink.reset();
  while (!left.expired()) std::this_thread::yield();  // until the thread that stop left running ends
}

TEST_CASE("the level may be set while others log") {
  CapturedStderr captured;
  LevelRestored restored;
  std::jthread setter([] {
    for (int i = 0; i < 100; ++i) log::set_level(i % 2 == 0 ? log::Level::off : log::Level::info);
  });
  for (int i = 0; i < 100; ++i) log::info("{}", i);
  setter.join();
  CHECK(log::level() == log::Level::info);
}

// Run by the next test in a process of its own.
TEST_CASE("(exits right after logging)" * doctest::skip()) {
  for (int i = 0; i < 100; ++i) log::info("record {}", i);
  std::exit(0);
}

TEST_CASE("records from before exit are written") {
  const auto [status, text] = test::in_own_process("(exits right after logging)");
  CHECK(status == 0);
  CHECK(std::count(text.begin(), text.end(), '\n') == 100);
  CHECK(text.ends_with(" info record 99\n"));
}

// Run by the next test in a process of its own.
TEST_CASE("(exits while nobody reads its stderr)" * doctest::skip()) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  REQUIRE(dup2(ends[1], 2) == 2);
  const std::string line(1000, 'x');
  for (int i = 0; i < 1000; ++i) log::info("{}", line);
  std::exit(0);
}

TEST_CASE("a process ends although its stderr is not read") {
  CHECK(test::in_own_process("(exits while nobody reads its stderr)").status == 0);
}

}  // namespace
}  // namespace ringrpc
