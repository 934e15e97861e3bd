/// How many records others may cause: what somebody far away can repeat as often as he likes must neither
/// fill the log nor hide what else is in it.
///
///   if (const auto left_out = quota.take(now)) log::info("{}: {}{}", peer, what, left_out->words());
///
/// For each kind of record a quota of its own: those of one kind would hide those of another, and be counted
/// as more like them. Some at once, then one a second; those in between are counted, and the next one that is
/// written says so.
#pragma once

#include <algorithm>
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
    /// To stand behind the record; empty where none was left out.
    std::string words() const {
      return records == 0 ? "" : " (" + std::to_string(records) + " more like this were not logged)";
    }
  };

  /// How many records were left out since the last one, if another may be written now; else nothing, and it
  /// counts as left out.
  std::optional<LeftOut> take(Instant now) noexcept {
    const Instant earliest = now - burst * interval;
    spent_until_ = std::max(spent_until_, earliest);
    if (spent_until_ + interval > now) {
      ++left_out_;
      return std::nullopt;
    }
    spent_until_ += interval;
    return LeftOut{std::exchange(left_out_, 0)};
  }

 private:
  Instant spent_until_ = Instant::min();  ///< each record takes an interval of the past
  std::uint64_t left_out_ = 0;
};

}  // namespace ringrpc
