#include "ringrpc/log.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>

#include "base/escape.h"
#include "base/log_file.h"
#include "base/log_receipt.h"
#include "base/log_writer.h"

namespace ringrpc::log {

namespace {

constexpr std::size_t queued_records_max = 4096;
/// A longer record is cut.
constexpr std::size_t record_bytes_max = 4096;

constexpr std::array<std::string_view, levels.size()> level_names = {"trace", "debug", "info",
                                                                     "warn",  "error", "off"};

/// The process's writer. It writes to the descriptor itself: a blocked write to stdio's stderr would hold a
/// lock that exit waits for. It is never destroyed, because threads and destructors may log while the
/// process exits.
LogWriter& writer() {
  static LogWriter& instance = [] -> LogWriter& {
    static LogWriter* made = new LogWriter(std::make_shared<LogFile>(STDERR_FILENO), queued_records_max);
    std::atexit([] { made->stop(); });
    return *made;
  }();
  return instance;
}

/// Formats a record. If a formatter throws, the record ends there; the caller gets no exception.
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
  write(level, format, arguments, nullptr);
}

void detail::write(Level level, fmt::string_view format, fmt::format_args arguments,
                   const std::shared_ptr<Receipt>& receipt) noexcept {
  try {
    writer().submit(level, format_record(format, arguments), receipt);
  } catch (...) {
    // Out of memory or threads: logging must not fail its caller.
  }
}

Status condition() { return writer().condition(); }

std::string_view name(Level level) noexcept { return level_names[static_cast<std::size_t>(level)]; }

Result<Level> parse_level(std::string_view name) {
  const auto known = std::ranges::find(level_names, name == "warning" ? "warn" : name);
  if (known != level_names.end()) return levels[static_cast<std::size_t>(known - level_names.begin())];
  return fail(Code::INVALID_ARGUMENT,
              fmt::format("no log level named \"{}\"; take one of {}", name, fmt::join(level_names, ", ")));
}

void flush() noexcept { writer().flush(); }

}  // namespace ringrpc::log
