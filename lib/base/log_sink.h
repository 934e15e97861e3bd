/// The end of the log: takes records from the one thread that writes them.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <system_error>

#include "ringrpc/log.h"

#include "base/log_receipt.h"

namespace ringrpc {

struct LogRecord {
  std::chrono::system_clock::time_point time;
  log::Level level = log::Level::off;
  std::string message;
  std::shared_ptr<log::Receipt> receipt;  ///< may be null
};

class LogSink {
 public:
  LogSink() = default;
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;
  virtual ~LogSink() = default;

  /// Takes a record and may keep it until the next flush, which calls its receipt at the latest.
  virtual void take(LogRecord record) = 0;

  /// Writes the kept records. Returns the error of the last write, or none if it succeeded.
  virtual std::errc flush() = 0;
};

}  // namespace ringrpc
