/// Notices handlers that hold their shard: they compute or block without `co_await`, so that no other call and no
/// connection of the shard goes on meanwhile.
///
///   const std::uint64_t begun = ticks();
///   step();                                 // of a handler
///   if (ticks() - begun > detail::Context::ticks_unnoticed) holds.check(path, begun);
///
/// Each step of a handler is measured, from its start or the end of a wait to its next wait or its end. Belongs
/// to the shard's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "ringrpc/clock.h"

#include "base/log_quota.h"

namespace ringrpc {

class HandlerHolds {
 public:
  /// Of that length or longer, a step is logged as a warning, limited in rate, and counted.
  static constexpr std::chrono::milliseconds told_from{500};
  explicit HandlerHolds(unsigned shard) noexcept;

  /// A handler of that path has run since `begun`, in ticks. True if that is long enough to be counted. A step
  /// within the step, such as a handler that resumes another, counts once.
  bool check(std::string_view path, std::uint64_t begun) noexcept;

 private:
  const unsigned shard_;
  const std::chrono::steady_clock::time_point clock_begun_;
  const std::uint64_t ticks_begun_;
  std::uint64_t counted_until_;
  LogQuota logged_;
};

}  // namespace ringrpc
