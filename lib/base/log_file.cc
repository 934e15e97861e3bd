#include "base/log_file.h"

#include <cerrno>
#include <climits>
#include <poll.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace ringrpc {

namespace {

constexpr std::string_view torn_mark = " [torn]\n";

spdlog::level::level_enum spdlog_level(log::Level level) noexcept {
  switch (level) {
    case log::Level::trace:
      return spdlog::level::trace;
    case log::Level::debug:
      return spdlog::level::debug;
    case log::Level::info:
      return spdlog::level::info;
    case log::Level::warn:
      return spdlog::level::warn;
    case log::Level::error:
      return spdlog::level::err;
    case log::Level::off:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

LogFile::LogFile(int descriptor)
    : descriptor_(descriptor), formatter_("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc) {}

void LogFile::take(LogRecord record) {
  spdlog::memory_buf_t line;
  format(record.time, record.level, record.message, line);
  if (text_.size() + line.size() > PIPE_BUF) write_lines();
  text_.append(line);
  lines_.push_back({text_.size(), record.time, std::move(record.receipt)});
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
}

void LogFile::format(LogLoss::Time time, log::Level level, std::string_view message,
                     spdlog::memory_buf_t& to) {
  formatter_.format({time, {}, {}, spdlog_level(level), {message.data(), message.size()}}, to);
}

/// Ends a torn line and writes the warning about lost lines. False if either cannot be written.
bool LogFile::tell_loss() {
  if (torn_ && write(torn_mark) < torn_mark.size()) return false;
  if (loss_.count == 0) return true;
  spdlog::memory_buf_t line;
  const std::string words =
      loss_.words("could not be written (" + std::make_error_code(cause_).message() + ")");
  format(std::chrono::system_clock::now(), log::Level::warn, words, line);
  if (write({line.data(), line.size()}) < line.size()) return false;
  loss_ = {};
  return true;
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
