/// The end of the log: takes records from the one thread that writes them.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "ringrpc/log.h"

#include "base/log_fields.h"
#include "base/log_loss.h"
#include "base/log_receipt.h"

namespace ringrpc {

struct LogRecord {
  std::chrono::system_clock::time_point time{};
  log::Level level = log::Level::off;
  std::string message{};
  std::shared_ptr<log::Receipt> receipt{};    ///< may be null
  std::unique_ptr<const LogFields> fields{};  ///< null if there are none
};

class LogSink {
 public:
  LogSink() = default;
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;
  virtual ~LogSink() = default;

  /// Takes a record and may keep it until the next flush, which calls its receipt at the latest.
  virtual void take(LogRecord record) = 0;

  /// Records that found the queue full. `cause` says what happened to them. By default the log
  /// has a warning about them.
  virtual void take_loss(const LogLoss& loss, std::string_view cause) {
    take({.time = std::chrono::system_clock::now(), .level = log::Level::warn, .message = loss.words(cause)});
  }

  /// Writes the kept records. Returns the error of the last write, or none if it succeeded.
  virtual std::errc flush() = 0;
};

}  // namespace ringrpc
