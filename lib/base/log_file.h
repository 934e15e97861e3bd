/// Writes log lines to a file descriptor, and accounts for those that it did not take.
///
///   LogFile file(STDERR_FILENO, std::make_unique<LogLines>());
///   file.take({.time = now, .level = log::Level::info, .message = "listening"});
///   file.flush();
///
/// Lines of one flush are written together, up to PIPE_BUF bytes, which a pipe keeps in one piece. A line
/// that cannot be written is lost and counted. When writing works again, a warning with the count, the
/// times and the error precedes the next line:
///
///   2026-03-01T12:30:05.123Z info 127.0.0.1:4071 [torn]
///   2026-03-01T12:31:40.007Z warning 321 log lines were lost between 2026-… and 2026-…: they could not be
///   written (No space left on device)
///
/// The log can have that warning instead, for a file whose lines are no log lines. " [torn]" ends a line of
/// which only the beginning was written. Such a line counts as lost.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/log_lines.h"
#include "base/log_loss.h"
#include "base/log_sink.h"
#include "base/loss_report.h"

namespace ringrpc {

class LogFile final : public LogSink {
 public:
  /// The caller keeps the ownership of the descriptor. A file with a `name` has no log lines: the log has the
  /// warnings about those that are lost.
  LogFile(int descriptor, std::unique_ptr<LineFormat> format, std::string name = {});

  void take(LogRecord record) override;
  void take_loss(const LogLoss& loss, std::string_view cause) override;
  std::errc flush() override;

  /// Writes the lines from now on to another descriptor. Call after a flush.
  void continue_on(int descriptor) noexcept;

 private:
  struct Line {
    std::size_t end;  ///< in `text_`
    LogLoss::Time time;
    std::shared_ptr<log::Receipt> receipt;
  };

  void write_lines();
  bool tell_loss();
  std::string unwritten() const;
  std::size_t write(std::string_view text);

  int descriptor_;
  std::unique_ptr<LineFormat> format_;
  std::optional<LossReport> losses_;  ///< none for a file of log lines
  std::string text_;                  ///< the lines that wait
  std::vector<Line> lines_;
  LogLoss loss_;
  bool torn_ = false;    ///< the last write ended inside a line
  std::errc failure_{};  ///< of the last write
  std::errc cause_{};    ///< of the last write that failed
};

}  // namespace ringrpc
