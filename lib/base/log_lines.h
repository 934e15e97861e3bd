/// The form of a file's lines.
///
///   LogLines format;
///   format.append(record, text);      // "2026-03-01T12:30:05.123Z info listening\n"
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/log_sink.h"

namespace spdlog {
class pattern_formatter;  // NOLINT(readability-identifier-naming): spdlog's name
}

namespace ringrpc {

class LineFormat {
 public:
  LineFormat() = default;
  LineFormat(const LineFormat&) = delete;
  LineFormat& operator=(const LineFormat&) = delete;
  virtual ~LineFormat() = default;

  /// Appends the record's line, with its end.
  virtual void append(const LogRecord& record, std::string& to) = 0;
};

/// The lines of the log, in the form of log::format().
class LogLines final : public LineFormat {
 public:
  LogLines();
  ~LogLines() override;

  void append(const LogRecord& record, std::string& to) override;

 private:
  std::unique_ptr<spdlog::pattern_formatter> text_;
};

/// Messages that have their form already, after the time if wanted.
class StampedLines final : public LineFormat {
 public:
  enum class Stamp : std::uint8_t {
    none,  ///< the message is the line
    text,  ///< the time and the message
    json,  ///< an object with "time"; the message has its other members: `"method":"/echo…"`
  };
  explicit StampedLines(Stamp stamp) noexcept : stamp_(stamp) {}

  void append(const LogRecord& record, std::string& to) override;

 private:
  const Stamp stamp_;
};

/// "trace", "debug", "info", "warning" or "error", as log lines have it.
std::string_view line_name(log::Level level) noexcept;

}  // namespace ringrpc
