/// Output memory: slabs of one size from a pool, linked into chains.
///
///   Chain out(shard.slabs());
///   std::memcpy(out.reserve(9), header, 9); out.commit(9);
///   out.append(body);
///   out.append(slab);                            // filled elsewhere: no copy
///   stream.send(std::move(out));
///
/// A pool and its chains belong to one thread. An empty chain holds no slab, so an idle connection costs
/// none.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <sys/uio.h>
#include <utility>

#include "ringrpc/bytes.h"

#include "base/testing_export.h"

namespace ringrpc {

/// One piece of output memory; the bytes from `begin` to `end` are filled and not yet sent.
struct Slab {
  static constexpr std::size_t total_bytes = 16 * 1024;
  static constexpr std::size_t capacity = total_bytes - 16;

  Slab* next;
  std::uint32_t begin;
  std::uint32_t end;
  std::uint8_t data[capacity];
};
static_assert(sizeof(Slab) == Slab::total_bytes);

/// Recycles slabs. It must outlive all of its chains.
class SlabPool {
 public:
  /// Keeps at most `keep` free slabs; further ones return to the system.
  explicit SlabPool(std::size_t keep = 256) noexcept : keep_(keep) {}
  SlabPool(const SlabPool&) = delete;
  SlabPool& operator=(const SlabPool&) = delete;
  ~SlabPool();

  /// An empty slab. Throws std::bad_alloc if the system has no memory.
  Slab* take();
  void give_back(Slab* slab) noexcept;

  /// Returns all free slabs to the system.
  void drop_free() noexcept;

  /// The number of slabs that are taken and not given back.
  std::size_t in_use() const noexcept { return in_use_; }

 private:
  Slab* free_ = nullptr;
  std::size_t free_count_ = 0;
  std::size_t in_use_ = 0;
  std::size_t keep_;
};

/// A queue of bytes in slabs: filled at the end, consumed from the front.
class Chain {
 public:
  explicit Chain(SlabPool& pool) noexcept : pool_(&pool) {}
  Chain(Chain&& other) noexcept
      : pool_(other.pool_),
        head_(std::exchange(other.head_, nullptr)),
        tail_(std::exchange(other.tail_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        slab_count_(std::exchange(other.slab_count_, 0)) {}
  Chain& operator=(Chain&& other) noexcept;
  ~Chain() { clear(); }

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  /// The size of the slabs that hold the bytes.
  std::size_t held_bytes() const noexcept { return slab_count_ * Slab::total_bytes; }

  /// Room for `bytes` in one piece at the end, at most Slab::capacity. Valid until the next call on this
  /// chain.
  std::uint8_t* reserve(std::size_t bytes) {
    if (!tail_ || Slab::capacity - tail_->end < bytes) add_slab();
    return tail_->data + tail_->end;
  }
  /// Makes the first `bytes` of the last `reserve` part of the chain.
  void commit(std::size_t bytes) noexcept {
    tail_->end += static_cast<std::uint32_t>(bytes);
    size_ += bytes;
  }
  /// Copies `bytes` to the end, over several slabs if necessary.
  void append(Bytes bytes) {
    const bool fits = tail_ != nullptr && bytes.size() <= Slab::capacity - tail_->end;
    if (!fits || bytes.empty()) return append_over_slabs(bytes);
    std::memcpy(tail_->data + tail_->end, bytes.data(), bytes.size());
    commit(bytes.size());
  }
  /// Takes ownership of a filled slab of the same pool.
  void append(Slab* slab) noexcept {
    link(slab);
    size_ += slab->end - slab->begin;
  }

  /// Moves the first `bytes` bytes, or all if there are fewer, to the end of `to`, whose pool must be the
  /// same. Whole slabs change hands without a copy, except those that hold less than 4 KiB.
  void move_front(std::size_t bytes, Chain& to);

  /// Describes the content from the front and returns the number of filled entries. Valid until the chain
  /// changes.
  RINGRPC_TESTING_EXPORT std::size_t gather(std::span<iovec> into) const noexcept;
  /// Calls `use` for each piece of the `bytes` bytes after the first `skipped`. The chain must have as many.
  template <class Use>
  void for_each_piece(std::size_t skipped, std::size_t bytes, Use use) const {
    for (const Slab* slab = head_; bytes > 0; slab = slab->next) {
      const std::size_t filled = slab->end - slab->begin;
      const std::size_t passed = std::min(skipped, filled);
      const std::size_t piece = std::min(bytes, filled - passed);
      if (piece > 0) use(Bytes(slab->data + slab->begin + passed, piece));
      skipped -= passed;
      bytes -= piece;
    }
  }
  /// Drops `bytes` from the front.
  RINGRPC_TESTING_EXPORT void consume(std::size_t bytes) noexcept;
  void clear() noexcept {
    if (head_) drop_all();
  }

 private:
  static constexpr std::size_t moved_bytes_min = 4096;  ///< less is copied

  void add_slab() { link(pool_->take()); }
  void link(Slab* slab) noexcept {
    slab->next = nullptr;
    (tail_ ? tail_->next : head_) = slab;
    tail_ = slab;
    ++slab_count_;
  }
  void append_over_slabs(Bytes bytes);
  RINGRPC_TESTING_EXPORT void drop_all() noexcept;

  SlabPool* pool_;
  Slab* head_ = nullptr;
  Slab* tail_ = nullptr;
  std::size_t size_ = 0;
  std::size_t slab_count_ = 0;
};

}  // namespace ringrpc
