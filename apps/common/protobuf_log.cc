#include "common/protobuf_log.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <google/protobuf/stubs/common.h>
#include <google/protobuf/stubs/logging.h>
#include <mutex>
#include <optional>
#include <string>

#include "ringrpc/log.h"

#include "base/log_quota.h"
#include "base/log_receipt.h"

namespace ringrpc::apps {

namespace {

using google::protobuf::LogLevel;

/// A quota for each of libprotobuf's levels.
class Quotas {
 public:
  std::optional<LogQuota::LeftOut> take(LogLevel level) noexcept {
    const std::lock_guard lock(mutex_);
    return quotas_[static_cast<std::size_t>(level)].take(std::chrono::steady_clock::now());
  }

 private:
  std::mutex mutex_;
  std::array<LogQuota, google::protobuf::LOGLEVEL_FATAL + 1> quotas_;
};

constinit Quotas quotas;

log::Level level_of(LogLevel level) noexcept {
  switch (level) {
    case google::protobuf::LOGLEVEL_INFO:
      return log::Level::debug;
    case google::protobuf::LOGLEVEL_WARNING:
      return log::Level::info;
    case google::protobuf::LOGLEVEL_ERROR:
      return log::Level::warn;
    case google::protobuf::LOGLEVEL_FATAL:
      break;
  }
  return log::Level::error;
}

/// The handler. libprotobuf calls it on any thread.
void write(LogLevel level, const char* file, int line, const std::string& message) {
  const log::Level ours = level_of(level);
  if (!log::enabled(ours)) return;
  const auto taken = quotas.take(level);
  if (!taken) return;
  log::write(ours, nullptr, "protobuf: {} ({}:{}){}", message, file, line, taken->words());
  if (ours == log::Level::error) log::flush();  // libprotobuf aborts next
}

}  // namespace

void log_protobuf() { google::protobuf::SetLogHandler(&write); }

}  // namespace ringrpc::apps
