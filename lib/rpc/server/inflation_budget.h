/// Limits decompression for a peer: a few bytes on the wire can become thousands, at no cost to the sender.
///
///   InflationBudget budget(options.max_inflation_per_second);
///   if (budget.spent(now)) return refuse();
///   const std::size_t paid = budget.charge(compressed_bytes, most_bytes);      // before it is decompressed
///   budget.refund(paid); budget.charge(compressed_bytes, decompressed_bytes);  // after
///
/// Ordinary data shrinks to a tenth, seldom to less. So only the bytes beyond sixteen times the compressed
/// size are charged. The budget refills at its size per second.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "ringrpc/clock.h"

namespace ringrpc {

class InflationBudget {
 public:
  static constexpr std::size_t free_ratio = 16;

  explicit InflationBudget(std::size_t bytes_per_second) noexcept
      : bytes_per_second_(static_cast<std::int64_t>(std::min(bytes_per_second, bytes_most))),
        left_(bytes_per_second_) {}

  /// True if nothing may be decompressed now.
  bool spent(Instant now) noexcept {
    refill(now);
    return left_ <= 0;
  }

  /// Charges for a message of `arrived` bytes that is decompressed to `inflated` bytes, and returns the
  /// charge. A budget that is not spent covers a message of any size, so it may be overdrawn by one.
  std::size_t charge(std::size_t arrived, std::size_t inflated) noexcept {
    const std::size_t cost = inflated - std::min(inflated, arrived * free_ratio);
    left_ -= static_cast<std::int64_t>(cost);
    return cost;
  }
  /// Takes a charge back.
  void refund(std::size_t cost) noexcept { left_ += static_cast<std::int64_t>(cost); }

 private:
  static constexpr std::size_t bytes_most = std::size_t{1} << 40;

  void refill(Instant now) noexcept {
    using Seconds = std::chrono::duration<double>;
    const double passed = std::min(Seconds(now - std::exchange(refilled_, now)).count(), 3600.0);
    left_ = std::min(bytes_per_second_,
                     left_ + static_cast<std::int64_t>(passed * static_cast<double>(bytes_per_second_)));
  }

  std::int64_t bytes_per_second_;
  std::int64_t left_;
  Instant refilled_{};
};

}  // namespace ringrpc
