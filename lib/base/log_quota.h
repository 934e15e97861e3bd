/// Limits the log records that peers can cause. A peer that repeats an action must neither fill the log nor
/// hide other records in it.
///
///   if (const auto left_out = quota.take(now)) log::info("{}: {}{}", peer, what, left_out->words());
///
/// Use one quota for each kind of record; otherwise one kind would hide another and be counted as it. A
/// quota allows a burst, then one record a second. Suppressed records are counted, and the next written
/// record states their number.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "ringrpc/clock.h"

namespace ringrpc {

class LogQuota {
 public:
  static constexpr std::int64_t burst = 20;
  static constexpr std::chrono::seconds interval{1};

  struct LeftOut {
    std::uint64_t records;
    /// Text to append to the record; empty if no record was suppressed.
    std::string words() const {
      return records == 0 ? "" : " (" + std::to_string(records) + " more like this were not logged)";
    }
  };

  /// If a record may be written now, returns the number suppressed since the last one. Otherwise counts this
  /// record as suppressed and returns nothing.
  std::optional<LeftOut> take(Instant now) noexcept {
    if (const unsigned now_epoch = current_epoch.load(std::memory_order_relaxed); epoch_ != now_epoch) {
      *this = {};
      epoch_ = now_epoch;
    }
    const Instant earliest = now - burst * interval;
    spent_until_ = std::max(spent_until_, earliest);
    if (spent_until_ + interval > now) {
      ++left_out_;
      return std::nullopt;
    }
    spent_until_ += interval;
    return LeftOut{std::exchange(left_out_, 0)};
  }

  /// Lets all quotas of the process begin anew, for tests that count records: others before them may have spent a
  /// quota.
  static void renew_all() noexcept { current_epoch.fetch_add(1, std::memory_order_relaxed); }

 private:
  inline static constinit std::atomic<unsigned> current_epoch{0};

  Instant spent_until_ = Instant::min();  ///< each record spends one interval of the past
  std::uint64_t left_out_ = 0;
  unsigned epoch_ = 0;
};

}  // namespace ringrpc
