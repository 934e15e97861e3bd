/// Gives back to the system what a crowd of connections has left in the pools of a shard.
///
///   memory_return_.connections_are(connections);   // after each that comes or goes
///
/// Pools keep what was in use once, so that what comes next finds it. That is right for the ups and downs of
/// a day's work; each time no more than half of the connections are left, it is not. The pools are searched
/// in steps of a millisecond or so, between which the shard serves; then malloc's heap, by another thread
/// (rpc/heap_trim.h).
///
/// Belongs to its shard.
#pragma once

#include <cstddef>

#include "reactor/shard.h"

namespace ringrpc {

class MemoryReturn final : private Timer {
 public:
  explicit MemoryReturn(Shard& shard) noexcept : shard_(shard) {}

  /// How many connections there are now.
  void connections_are(std::size_t count) noexcept;

 private:
  void on_time() override;

  Shard& shard_;
  std::size_t count_ = 0;
  std::size_t most_ = 0;  // since the last return
  std::size_t left_ = 0;  // when the present one began
};

}  // namespace ringrpc
