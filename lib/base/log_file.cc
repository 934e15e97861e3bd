#include "base/log_file.h"

#include <cerrno>
#include <chrono>
#include <climits>
#include <poll.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace ringrpc {

namespace {

constexpr std::string_view torn_mark = " [torn]\n";

}  // namespace

LogFile::LogFile(int descriptor, std::unique_ptr<LineFormat> format, std::string name)
    : descriptor_(descriptor), format_(std::move(format)) {
  if (!name.empty()) losses_.emplace(std::move(name));
}

void LogFile::take(LogRecord record) {
  const std::size_t before = text_.size();
  format_->append(record, text_);
  if (before > 0 && text_.size() > PIPE_BUF) {
    const std::string line = text_.substr(before);
    text_.resize(before);
    write_lines();
    text_ = line;
  }
  lines_.push_back({text_.size(), record.time, std::move(record.receipt)});
}

void LogFile::take_loss(const LogLoss& loss, std::string_view cause) {
  if (!losses_) return LogSink::take_loss(loss, cause);
  losses_->add(loss, cause);
}

std::errc LogFile::flush() {
  write_lines();
  return failure_;
}

void LogFile::write_lines() {
  const std::size_t written = tell_loss() ? write({text_.data(), text_.size()}) : 0;
  for (const Line& line : lines_) {
    const bool whole = line.end <= written;
    if (!whole) loss_.add(line.time);
    if (line.receipt) line.receipt->tell(whole);
  }
  lines_.clear();
  text_.clear();
  if (losses_ && loss_.count > 0) losses_->add(std::exchange(loss_, {}), unwritten());
}

/// Ends a torn line and writes the warning about lost lines. False if either cannot be written.
bool LogFile::tell_loss() {
  if (torn_ && write(torn_mark) < torn_mark.size()) return false;
  if (loss_.count == 0) return true;
  std::string line;
  format_->append({.time = std::chrono::system_clock::now(),
                   .level = log::Level::warn,
                   .message = loss_.words(unwritten())},
                  line);
  if (write(line) < line.size()) return false;
  loss_ = {};
  return true;
}

std::string LogFile::unwritten() const {
  return "could not be written (" + std::make_error_code(cause_).message() + ")";
}

void LogFile::continue_on(int descriptor) noexcept {
  descriptor_ = descriptor;
  torn_ = false;
}

/// Returns the number of bytes written.
std::size_t LogFile::write(std::string_view text) {
  std::size_t written = 0;
  failure_ = {};
  while (written < text.size() && failure_ == std::errc{}) {
    const ssize_t step = ::write(descriptor_, text.data() + written, text.size() - written);
    if (step >= 0) {
      written += static_cast<std::size_t>(step);
    } else if (errno == EAGAIN) {
      pollfd room{descriptor_, POLLOUT, 0};
      ::poll(&room, 1, -1);
    } else if (errno != EINTR) {
      failure_ = cause_ = static_cast<std::errc>(errno);
    }
  }
  if (written > 0) torn_ = text[written - 1] != '\n';
  return written;
}

}  // namespace ringrpc
