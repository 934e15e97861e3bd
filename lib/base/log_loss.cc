#include "base/log_loss.h"

#include <atomic>
#include <fmt/format.h>

#include "base/utc_time.h"

namespace ringrpc {

namespace {

/// The time in the format of log lines.
std::string utc(LogLoss::Time time) {
  std::string text;
  append_utc(text, time);
  return text;
}

std::atomic<std::uint64_t> lines_lost{0};

}  // namespace

std::uint64_t log_lines_lost() noexcept { return lines_lost.load(std::memory_order_relaxed); }

void count_lost_log_line() noexcept { lines_lost.fetch_add(1, std::memory_order_relaxed); }

std::string LogLoss::words(std::string_view cause) const {
  if (count == 1) return fmt::format("1 log line was lost at {}: it {}", utc(first), cause);
  return fmt::format("{} log lines were lost between {} and {}: they {}", count, utc(first), utc(last),
                     cause);
}

}  // namespace ringrpc
