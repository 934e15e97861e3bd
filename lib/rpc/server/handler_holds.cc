#include "rpc/server/handler_holds.h"

#include <algorithm>
#include <new>

#include "ringrpc/log.h"

#include "base/ticks.h"

namespace ringrpc {

HandlerHolds::HandlerHolds(unsigned shard) noexcept
    : shard_(shard),
      clock_begun_(std::chrono::steady_clock::now()),
      ticks_begun_(ticks()),
      counted_until_(ticks_begun_) {}

/// The rate of the ticks is their number since this object was made, by the time that has passed since then.
bool HandlerHolds::check(std::string_view path, std::uint64_t begun) noexcept try {
  const std::uint64_t now = ticks();
  const auto clock_now = std::chrono::steady_clock::now();
  begun = std::max(begun, counted_until_);
  if (now <= begun) return false;
  const double share = static_cast<double>(now - begun) / static_cast<double>(now - ticks_begun_);
  const std::chrono::duration<double> held = share * (clock_now - clock_begun_);
  if (held < told_from) return false;
  counted_until_ = now;
  if (const auto left_out = logged_.take(clock_now))
    log::warn(
        "the handler of {} held shard {} for {:.1f} s, and nothing else went on there meanwhile; wait with "
        "co_await, and give long work to a WorkerPool{}",
        path, shard_, held.count(), left_out->words());
  return true;
} catch (const std::bad_alloc&) {
  return true;  // there is no memory for the log line
}

}  // namespace ringrpc
