#include <algorithm>
#include <cstddef>
#include <doctest/doctest.h>
#include <memory>
#include <optional>
#include <string>

#include "ringrpc/log.h"

#include "base/log_receipt.h"
#include "small_stderr.h"

namespace ringrpc {
namespace {

TEST_CASE("lines that cannot be written are counted, and a warning precedes the next one that can") {
  SmallStderr file;
  log::info("first");
  file.take(file.size());
  for (int i = 0; i < 3; ++i) {
    log::info("lost {}", i);
    log::flush();
  }
  file.take(RLIM_INFINITY);
  log::info("second");
  log::info("third");
  CHECK(
      file.text() ==
      "TIME info first\n"
      "TIME warning 3 log lines were lost between TIME and TIME: they could not be written (File too large)\n"
      "TIME info second\n"
      "TIME info third\n");
}

TEST_CASE("a line that is written in part is marked, and the next one begins on its own") {
  SmallStderr file;
  log::info("first");
  file.take(file.size() + 34);
  log::info("torn and lost");
  file.take(RLIM_INFINITY);
  log::info("second");
  CHECK(file.text() ==
        "TIME info first\n"
        "TIME info torn [torn]\n"
        "TIME warning 1 log line was lost at TIME: it could not be written (File too large)\n"
        "TIME info second\n");
}

/// Records the reported outcome.
class ToldReceipt final : public log::Receipt {
 public:
  void tell(bool written) noexcept override { told = written; }
  std::optional<bool> told;
};

TEST_CASE("each receipt learns whether its line was written, and the log's condition follows") {
  SmallStderr file;
  const auto log_with_receipt = [](std::string_view message) {
    const auto receipt = std::make_shared<ToldReceipt>();
    log::write(log::Level::info, receipt, "{}", message);
    log::flush();
    return receipt->told;
  };
  CHECK(log_with_receipt("first") == true);
  CHECK(log::condition().ok());
  file.take(file.size() + 35);
  CHECK(log_with_receipt("torn and lost") == false);
  CHECK(log::condition().to_string() == "UNAVAILABLE: the log cannot be written: File too large");
  CHECK(log_with_receipt("lost") == false);
  file.take(RLIM_INFINITY);
  CHECK_FALSE(log::condition().ok());
  CHECK(log_with_receipt("second") == true);
  CHECK(log::condition().ok());
}

TEST_CASE("a record with a receipt is written whatever the level, in one line") {
  SmallStderr file;
  log::set_level(log::Level::off);
  log::write(log::Level::info, nullptr, "one\nline");
  log::set_level(log::Level::info);
  CHECK(file.text() == "TIME info one\\x0aline\n");
}

TEST_CASE("of lines that are written together, those before the first that does not fit are written") {
  constexpr std::size_t line_bytes = sizeof "2026-03-01T12:30:05.123Z info line 0";  // with the line break
  SmallStderr file;
  file.take(3 * line_bytes + 10);
  for (int i = 0; i < 6; ++i) log::info("line {}", i);
  file.take(RLIM_INFINITY);
  log::info("after");
  const std::string text = file.text();
  CHECK(text.starts_with("TIME info line 0\nTIME info line 1\nTIME info line 2\n"));
  CHECK(text.find(" 3 log lines were lost ") != std::string::npos);
  CHECK(text.ends_with("TIME info after\n"));
}

TEST_CASE("a warning about lost lines that cannot be written is kept, and its count grows") {
  SmallStderr file;
  log::info("first");
  const std::size_t first = file.size();
  file.take(first);
  log::info("lost");
  log::flush();
  file.take(first + 50);  // the warning about lost lines does not fit
  log::info("lost too");
  file.take(RLIM_INFINITY);
  log::info("second");
  const std::string text = file.text();
  CHECK(text.starts_with("TIME info first\nTIME warning 1 log line was lo [torn]\n"));
  CHECK(text.find(" 2 log lines were lost between TIME and TIME: ") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 4);
}

}  // namespace
}  // namespace ringrpc
