#include "ringrpc/log.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <mutex>
#include <unistd.h>
#include <utility>
#include <variant>

#include "base/escape.h"
#include "base/log_file.h"
#include "base/log_lines.h"
#include "base/log_loss.h"
#include "base/log_receipt.h"
#include "base/log_writer.h"

namespace ringrpc::log {

namespace {

constexpr std::size_t queued_records_max = 4096;
/// A longer record is cut.
constexpr std::size_t record_bytes_max = 4096;

constinit std::atomic<Format> line_format{Format::text};

constexpr std::array<std::string_view, levels.size()> level_names = {"trace", "debug", "info",
                                                                     "warn",  "error", "off"};

/// stderr, or the program's own sink.
class LogTarget final : public LogSink {
 public:
  void set(std::shared_ptr<Sink> sink) {
    const std::lock_guard lock(mutex_);
    sink_.swap(sink);  // destroyed after the lock
  }

 private:
  std::shared_ptr<Sink> sink() {
    const std::lock_guard lock(mutex_);
    return sink_;
  }
  void take(LogRecord record) override {
    const std::shared_ptr<Sink> sink = this->sink();
    if (!sink) return file_.take(std::move(record));
    bool written = false;
    try {
      sink->write({.time = record.time,
                   .level = record.level,
                   .message = record.message,
                   .fields = record.fields ? record.fields->all() : std::span<const Field>()});
      written = true;
    } catch (...) {
      count_lost_log_line();
    }
    if (record.receipt) record.receipt->tell(written);
  }
  std::errc flush() override {
    if (const std::shared_ptr<Sink> sink = this->sink()) sink->flush();
    return file_.flush();
  }

  LogFile file_{STDERR_FILENO, std::make_unique<LogLines>()};
  std::mutex mutex_;
  std::shared_ptr<Sink> sink_;  // guarded by the mutex
};

const std::shared_ptr<LogTarget>& log_target() {
  static const auto& target = *new std::shared_ptr<LogTarget>(std::make_shared<LogTarget>());
  return target;
}

/// The process's writer. It writes to the descriptor itself: a blocked write to stdio's stderr would hold a
/// lock that exit waits for. It is never destroyed, because threads and destructors may log while the
/// process exits.
LogWriter& writer() {
  static LogWriter& instance = [] -> LogWriter& {
    static LogWriter* made = new LogWriter(log_target(), queued_records_max);
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

void detail::write(Level level, fmt::string_view format, fmt::format_args arguments,
                   std::span<const Field* const> fields) noexcept {
  write(level, format, arguments, fields, nullptr);
}

void detail::write(Level level, fmt::string_view format, fmt::format_args arguments,
                   std::span<const Field* const> fields, const std::shared_ptr<Receipt>& receipt) noexcept {
  try {
    writer().submit(level, format_record(format, arguments), receipt, LogFields::copy(fields));
  } catch (...) {
    // Out of memory or threads: logging must not fail its caller.
  }
}

fmt::format_context::iterator detail::write_value(const Field& field, fmt::format_context& context) {
  return std::visit([&](const auto& value) { return fmt::format_to(context.out(), "{}", value); },
                    field.value());
}

Format format() noexcept { return line_format.load(std::memory_order_relaxed); }

void set_format(Format format) noexcept { line_format.store(format, std::memory_order_relaxed); }

void set_sink(std::shared_ptr<Sink> sink) { log_target()->set(std::move(sink)); }

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
