/// Returns the memory of closed connections in a shard's pools and in malloc's heap to the system.
///
///   memory_return_.connections_are(connections, held_bytes);   // after each that opens or closes
///   memory_return_.hold(held_bytes);                           // when their calls hold more
///
/// Pools keep freed memory for reuse, which suits small changes of load. Memory is returned when at most half
/// of the connections, or of the memory that their calls held, is left:
/// - Many closed connections leave memory in the pool of HTTP/2 sessions. It is searched in steps of about a
///   millisecond, between which the shard serves calls.
/// - A few connections with large messages leave memory in slabs and in malloc's heap, which another thread
///   trims (rpc/server/heap_trim.h).
///
/// Checks only when connections open or close. Belongs to its shard.
#pragma once

#include <algorithm>
#include <cstddef>

#include "reactor/shard.h"

namespace ringrpc {

class MemoryReturn final : private Timer {
 public:
  explicit MemoryReturn(Shard& shard) noexcept : shard_(shard) {}

  /// The number of open connections, and the bytes that their calls hold.
  void connections_are(std::size_t count, std::size_t held_bytes) noexcept;

  /// The bytes that the calls hold.
  void hold(std::size_t held_bytes) noexcept { most_held_bytes_ = std::max(most_held_bytes_, held_bytes); }

 private:
  void on_time() override;
  void return_pool() noexcept;
  void return_heap(std::size_t held_bytes) noexcept;

  Shard& shard_;
  std::size_t count_ = 0;
  std::size_t most_ = 0;             // since the last return
  std::size_t left_ = 0;             // when the current one began
  std::size_t most_held_bytes_ = 0;  // since the last return of the heap
};

}  // namespace ringrpc
