#include "rpc/server/memory_return.h"

#include <algorithm>
#include <chrono>

#include "http2/memory_pool.h"
#include "rpc/server/heap_trim.h"

namespace ringrpc {
namespace {

/// Not worth returning.
constexpr std::size_t kept_bytes = 2 * 1024 * 1024;
constexpr std::size_t kept_heap_bytes = 8 * 1024 * 1024;

/// Blocks to check in one step.
constexpr std::size_t step_blocks = 16 * 1024;

constexpr Nanoseconds pause_between_steps = std::chrono::milliseconds(1);

}  // namespace

void MemoryReturn::connections_are(std::size_t count, std::size_t held_bytes) noexcept {
  const bool gone = count < count_;
  count_ = count;
  most_ = std::max(most_, count);
  return_pool();
  if (gone) return_heap(held_bytes);
}

void MemoryReturn::return_pool() noexcept {
  if (armed() || count_ == most_ || count_ > most_ / 2) return;
  if (http2::MemoryPool::of_this_thread()->mapped_bytes() <= kept_bytes) return;
  left_ = count_;
  shard_.timers().arm(*this, after(shard_.now(), pause_between_steps));
}

void MemoryReturn::return_heap(std::size_t held_bytes) noexcept {
  const std::size_t gone_bytes = most_held_bytes_ - std::min(most_held_bytes_, held_bytes);
  if (gone_bytes < kept_heap_bytes || held_bytes > most_held_bytes_ / 2) return;
  most_held_bytes_ = held_bytes;
  shard_.slabs().drop_free();
  trim_heap();
}

void MemoryReturn::on_time() {
  const bool done = http2::MemoryPool::of_this_thread()->give_back(step_blocks);
  if (!done) return shard_.timers().arm(*this, after(shard_.now(), pause_between_steps));
  trim_heap();
  most_ = left_;
  return_pool();  // more connections may have closed meanwhile
}

}  // namespace ringrpc
