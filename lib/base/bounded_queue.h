/// A queue of fixed capacity from many threads to one. No operation waits.
///
///   BoundedQueue<Record> queue(4096);
///   if (!queue.try_push(std::move(record))) ++dropped;     // any thread
///   while (auto next = queue.try_pop()) ...                // one thread
///
/// Each cell has the number of the turn for which it is ready. A producer claims the tail's cell when that
/// cell is ready to be filled for this turn; the consumer empties the head's cell when it has been filled.
/// Elements of one thread keep their order.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace ringrpc {

template <class T>
class BoundedQueue {
 public:
  /// Room for `capacity` elements, rounded up to a power of two.
  explicit BoundedQueue(std::size_t capacity)
      : capacity_(std::bit_ceil(capacity)), cells_(std::make_unique<Cell[]>(capacity_)) {
    for (std::size_t i = 0; i < capacity_; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
  }
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  std::size_t capacity() const noexcept { return capacity_; }

  /// False if the queue is full; `value` is unchanged then.
  bool try_push(T&& value) noexcept {
    std::uint64_t at = tail_.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[at & (capacity_ - 1)];
      const auto lead = static_cast<std::int64_t>(cell.turn.load(std::memory_order_acquire) - at);
      if (lead < 0) return false;
      if (lead > 0) {
        at = tail_.load(std::memory_order_relaxed);
      } else if (tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        cell.value = std::move(value);
        cell.turn.store(at + 1, std::memory_order_release);
        return true;
      }
    }
  }

  /// The oldest element, or nothing. Only one thread may pop.
  std::optional<T> try_pop() noexcept {
    Cell& cell = cells_[head_ & (capacity_ - 1)];
    if (cell.turn.load(std::memory_order_acquire) != head_ + 1) return std::nullopt;
    std::optional<T> value(std::exchange(cell.value, T()));
    cell.turn.store(head_ + capacity_, std::memory_order_release);
    ++head_;
    return value;
  }

  /// The number of elements ever pushed, including pushes in progress.
  std::uint64_t pushed() const noexcept { return tail_.load(std::memory_order_relaxed); }

 private:
  struct Cell {
    std::atomic<std::uint64_t> turn;
    T value;
  };

  std::size_t capacity_;
  std::unique_ptr<Cell[]> cells_;
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  alignas(64) std::uint64_t head_ = 0;
};

}  // namespace ringrpc
