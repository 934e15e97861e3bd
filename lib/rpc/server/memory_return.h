/// Gives back to the system what connections have left in the pools of a shard and in malloc's heap.
///
///   memory_return_.connections_are(connections, held_bytes);   // after each that comes or goes
///   memory_return_.hold(held_bytes);                           // when their calls hold more
///
/// Pools keep what was in use once, so that what comes next finds it. That is right for the ups and downs of
/// a day's work; it is not each time that no more than half is left of the connections, or of what their
/// calls hold. A crowd leaves much in the session's pool; it is searched in steps of a millisecond or so,
/// between which the shard serves. A few connections with large messages leave much in slabs and in malloc's
/// heap, which another thread searches (rpc/server/heap_trim.h).
///
/// Looks only when connections come or go. Belongs to its shard.
#pragma once

#include <algorithm>
#include <cstddef>

#include "reactor/shard.h"

namespace ringrpc {

class MemoryReturn final : private Timer {
 public:
  explicit MemoryReturn(Shard& shard) noexcept : shard_(shard) {}

  /// How many connections there are now, and how many bytes their calls hold.
  void connections_are(std::size_t count, std::size_t held_bytes) noexcept;

  /// How many bytes the calls hold now.
  void hold(std::size_t held_bytes) noexcept { most_held_bytes_ = std::max(most_held_bytes_, held_bytes); }

 private:
  void on_time() override;
  void return_pool() noexcept;
  void return_heap(std::size_t held_bytes) noexcept;

  Shard& shard_;
  std::size_t count_ = 0;
  std::size_t most_ = 0;             // since the last return
  std::size_t left_ = 0;             // when the present one began
  std::size_t most_held_bytes_ = 0;  // since the last return of the heap
};

}  // namespace ringrpc
