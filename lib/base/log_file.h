/// A log's lines on a file descriptor, and an account of those that it did not take.
///
///   LogFile file(STDERR_FILENO);
///   file.take({.time = now, .level = log::Level::info, .message = "listening"});
///   file.flush();
///
/// Lines that come together are written together, but no more than a pipe keeps in one piece. A line that
/// cannot be written is lost and counted; when writing works again, a warning tells the count, the times and
/// the error before the next line:
///
///   2026-03-01T12:30:05.123Z info 127.0.0.1:4071 [torn]
///   2026-03-01T12:31:40.007Z warning 321 log lines were lost between 2026-… and 2026-…: they could not be
///   written (No space left on device)
///
/// " [torn]" ends a line of which only the beginning was written. It is lost too, and counted as such.
#pragma once

#include <cstddef>
#include <memory>
#include <spdlog/pattern_formatter.h>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/log_loss.h"
#include "base/log_sink.h"

namespace ringrpc {

class LogFile final : public LogSink {
 public:
  /// The descriptor stays the caller's.
  explicit LogFile(int descriptor);

  void take(LogRecord record) override;
  std::errc flush() override;

 private:
  struct Line {
    std::size_t end;  ///< in `text_`
    LogLoss::Time time;
    std::shared_ptr<log::Receipt> receipt;
  };

  void format(LogLoss::Time time, log::Level level, std::string_view message, spdlog::memory_buf_t& to);
  void write_lines();
  bool tell_loss();
  std::size_t write(std::string_view text);

  int descriptor_;
  spdlog::pattern_formatter formatter_;
  spdlog::memory_buf_t text_;  ///< of the lines that wait
  std::vector<Line> lines_;
  LogLoss loss_;
  bool torn_ = false;    ///< what was written last is a line without its end
  std::errc failure_{};  ///< of the last write
  std::errc cause_{};    ///< of the last write that failed
};

}  // namespace ringrpc
