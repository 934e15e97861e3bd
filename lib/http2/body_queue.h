/// The body of one stream on its way to the wire: a queue of bytes, filled at the end and drained from the
/// front.
///
///   std::span<std::uint8_t> room = queue.reserve(memory, 30);        // serialize straight into it
///   queue.commit(30);
///   queue.drain(memory, queue.next_frame_bytes(16'384), frame_header, out);
///
/// Small bodies lie in small recycled blocks and are copied into the output, where the frames of many bodies
/// share a slab. Large bodies lie in slabs, each of which becomes one DATA frame: the frame header is written
/// before the content, and the slab joins the output without a copy.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ringrpc/bytes.h"

#include "base/slab.h"
#include "http2/memory_pool.h"

namespace ringrpc::http2 {

/// The memory of the queues. `slabs` is also the pool of the chains that they are drained into.
struct BodyMemory {
  MemoryPool& blocks;
  SlabPool& slabs;
};

class BodyQueue {
 public:
  static constexpr std::size_t frame_header_bytes = 9;

  BodyQueue() = default;
  BodyQueue(const BodyQueue&) = delete;
  BodyQueue& operator=(const BodyQueue&) = delete;

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  /// Returns room at the end for `bytes`, or for as many of them as fit in a slab. Valid until the next call.
  /// Throws std::bad_alloc.
  std::span<std::uint8_t> reserve(const BodyMemory& memory, std::size_t bytes) {
    if (tail_ != nullptr && tail_->room() >= bytes) return {tail_->data() + tail_->end, bytes};
    if (bytes > block_bytes_max) [[unlikely]]
      return reserve_in_slab(memory.slabs, bytes);
    add_block(memory.blocks, bytes);
    return {tail_->data(), bytes};
  }
  /// Adds the first `bytes` of the reserved room to the queue.
  void commit(std::size_t bytes) noexcept {
    assert(tail_ != nullptr && bytes <= tail_->room());
    tail_->end += static_cast<std::uint32_t>(bytes);
    size_ += bytes;
  }
  /// Appends a copy. Throws std::bad_alloc.
  void append(const BodyMemory& memory, Bytes bytes);

  /// The size of the next DATA frame, at most `limit`. It may be less than the queued bytes, so that a slab
  /// that can be sent without a copy becomes a frame of its own.
  std::size_t next_frame_bytes(std::size_t limit) const noexcept {
    return size_ < moved_bytes_min ? std::min(limit, size_) : next_large_frame_bytes(limit);
  }
  /// Moves one frame to the end of `out`: `header`, which is frame_header_bytes long, and the first `bytes`
  /// of the queue. The queue must hold that many.
  void drain(const BodyMemory& memory, std::size_t bytes, const std::uint8_t* header, Chain& out);

  void clear(const BodyMemory& memory) noexcept {
    while (head_ != nullptr) drop_front(memory);
    size_ = 0;
  }

 private:
  /// A part of the body. The struct lies at the start of a block of its own or of a slab; the content follows
  /// it.
  struct Piece {
    Piece* next;
    Slab* slab;  ///< null if the piece is a block
    std::uint32_t begin;
    std::uint32_t end;
    std::uint32_t capacity;
    std::uint8_t* data() noexcept { return reinterpret_cast<std::uint8_t*>(this + 1); }
    std::size_t size() const noexcept { return end - begin; }
    std::size_t room() const noexcept { return capacity - end; }
    bool movable() const noexcept { return slab != nullptr && size() >= moved_bytes_min; }
  };
  static constexpr std::size_t first_block_bytes = 512 - 8 - sizeof(Piece);
  static constexpr std::size_t next_block_bytes = 4096 - 8 - sizeof(Piece);
  /// A larger reservation goes into a slab, and fills at least half of it.
  static constexpr std::size_t block_bytes_max = Slab::total_bytes / 2;
  static constexpr std::size_t slab_bytes = Slab::capacity - sizeof(Piece);
  static constexpr std::size_t slab_rest_min = 1024;  ///< a slab with less room left is not continued
  /// Smaller content is copied, so that no nearly empty slab is sent.
  static constexpr std::size_t moved_bytes_min = 4096;

  std::span<std::uint8_t> reserve_in_slab(SlabPool& slabs, std::size_t bytes);
  void add_block(MemoryPool& blocks, std::size_t bytes);
  void add(Piece* piece) noexcept {
    (tail_ == nullptr ? head_ : tail_->next) = piece;
    tail_ = piece;
  }
  std::size_t next_large_frame_bytes(std::size_t limit) const noexcept;
  void move_front(const std::uint8_t* header, Chain& out) noexcept;
  Piece* take_front() noexcept {
    Piece* const front = head_;
    head_ = front->next;
    if (head_ == nullptr) tail_ = nullptr;
    return front;
  }
  void drop_front(const BodyMemory& memory) noexcept {
    Piece* const dropped = take_front();
    if (dropped->slab != nullptr) [[unlikely]]
      return memory.slabs.give_back(dropped->slab);
    memory.blocks.deallocate(dropped);
  }

  Piece* head_ = nullptr;
  Piece* tail_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ringrpc::http2
