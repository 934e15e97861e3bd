#include "ringrpc/log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <poll.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>
#include <utility>

#include "base/escape.h"
#include "base/log_writer.h"

namespace ringrpc::log {

namespace {

constexpr std::size_t queued_records_max = 4096;
/// A longer one is cut.
constexpr std::size_t record_bytes_max = 4096;

constexpr std::array<std::string_view, levels.size()> level_names = {"trace", "debug", "info",
                                                                     "warn",  "error", "off"};

/// Writes to the descriptor itself: a write to stdio's stderr that blocks holds a lock, which exit waits for.
/// Lines that come together are written together, but no more than a pipe keeps in one piece.
class StderrSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (lines_.size() + line.size() > PIPE_BUF) flush_();
    lines_.append(line);
  }

  void flush_() override {
    const char* rest = lines_.data();
    for (const char* const end = rest + lines_.size(); rest != end;) {
      const ssize_t written = ::write(STDERR_FILENO, rest, static_cast<std::size_t>(end - rest));
      if (written >= 0) {
        rest += written;
      } else if (errno == EAGAIN) {
        pollfd room{STDERR_FILENO, POLLOUT, 0};
        ::poll(&room, 1, -1);
      } else if (errno != EINTR) {
        break;
      }
    }
    lines_.clear();
  }

  spdlog::memory_buf_t lines_;
};

std::shared_ptr<spdlog::sinks::sink> make_stderr_sink() {
  auto sink = std::make_shared<StderrSink>();
  sink->set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %l %v",
                                                                  spdlog::pattern_time_type::utc));
  return sink;
}

/// The process's writer. Never destroyed, because threads and destructors may still log while the process
/// exits.
LogWriter& writer() {
  static LogWriter& instance = [] -> LogWriter& {
    static LogWriter* made = new LogWriter(make_stderr_sink(), queued_records_max);
    std::atexit([] { made->stop(); });
    return *made;
  }();
  return instance;
}

/// A formatter that throws costs its record, not the caller.
std::string format_record(fmt::string_view format, fmt::format_args arguments) {
  fmt::memory_buffer text;
  try {
    fmt::vformat_to(fmt::appender(text), format, arguments);
  } catch (const std::exception& failure) {
    fmt::format_to(fmt::appender(text), "... (formatting failed: {})", failure.what());
  }
  return escape_controls({text.data(), text.size()}, record_bytes_max);
}

}  // namespace

constinit std::atomic<Level> detail::threshold{Level::info};

void detail::write(Level level, fmt::string_view format, fmt::format_args arguments) noexcept {
  try {
    writer().submit(level, format_record(format, arguments));
  } catch (...) {
    // No memory or no thread to be had: whoever logs must not fail for it.
  }
}

std::string_view name(Level level) noexcept { return level_names[static_cast<std::size_t>(level)]; }

Result<Level> parse_level(std::string_view name) {
  const auto known = std::ranges::find(level_names, name == "warning" ? "warn" : name);
  if (known != level_names.end()) return levels[static_cast<std::size_t>(known - level_names.begin())];
  return fail(Code::INVALID_ARGUMENT,
              fmt::format("no log level named \"{}\"; take one of {}", name, fmt::join(level_names, ", ")));
}

void flush() noexcept { writer().flush(); }

}  // namespace ringrpc::log
