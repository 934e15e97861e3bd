/// Limits the log lines that signals cause, so that no flood of signals fills the log.
///
///   if (const auto line = lines.take("log level debug")) log::info("{}", *line);
///
/// Each line has a quota of its own (base/log_quota.h). So a result that repeats itself does not hide another one.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "base/log_quota.h"

namespace ringrpc::grpcd {

class SignalLines {
 public:
  /// The line with the number of those that were left out; nothing if it must not be logged now.
  std::optional<std::string> take(const std::string& line) {
    if (quotas_.size() == lines_max && !quotas_.contains(line)) quotas_.clear();
    const auto left_out = quotas_[line].take(std::chrono::steady_clock::now());
    if (!left_out) return std::nullopt;
    return line + left_out->words();
  }

 private:
  /// Signals alone cause fewer lines; more need files that change each time.
  static constexpr std::size_t lines_max = 16;

  std::map<std::string, LogQuota> quotas_;
};

}  // namespace ringrpc::grpcd
