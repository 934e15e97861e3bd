/// The body of one stream between the user and the wire: bytes in pieces, filled at the end, drained from the
/// front.
///
///   std::uint8_t* room = queue.reserve(pool, 30);        // serialize straight into it
///   queue.commit(30);
///   queue.drain(pool, 16'384, out);
///
/// A small body lies in one small recycled piece; a large one in a piece of its own size, so that it is
/// copied once, into the output.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ringrpc/bytes.h"

#include "base/slab.h"
#include "http2/memory_pool.h"

namespace ringrpc::http2 {

class BodyQueue {
 public:
  BodyQueue() = default;
  BodyQueue(const BodyQueue&) = delete;
  BodyQueue& operator=(const BodyQueue&) = delete;

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  /// Room for `bytes` in one piece at the end, valid until the next call. Throws std::bad_alloc.
  std::uint8_t* reserve(MemoryPool& pool, std::size_t bytes) {
    if (tail_ != nullptr && tail_->capacity - tail_->end >= bytes) return tail_->data() + tail_->end;
    return add_piece(pool, bytes)->data();
  }
  /// Makes the first `bytes` of what `reserve` gave part of the queue.
  void commit(std::size_t bytes) noexcept {
    tail_->end += bytes;
    size_ += bytes;
  }
  /// Copies to the end. Throws std::bad_alloc.
  void append(MemoryPool& pool, Bytes bytes);

  /// Moves the first `bytes` to the end of `out`; there must be as many.
  void drain(MemoryPool& pool, std::size_t bytes, Chain& out);

  void clear(MemoryPool& pool) noexcept;

 private:
  struct Piece {
    Piece* next;
    std::size_t begin;
    std::size_t end;
    std::size_t capacity;
    std::uint8_t* data() noexcept { return reinterpret_cast<std::uint8_t*>(this + 1); }
  };
  static constexpr std::size_t first_piece_bytes = 512 - 8 - sizeof(Piece);
  static constexpr std::size_t next_piece_bytes = 4096 - 8 - sizeof(Piece);

  Piece* add_piece(MemoryPool& pool, std::size_t bytes);
  void drop_front(MemoryPool& pool) noexcept;

  Piece* head_ = nullptr;
  Piece* tail_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ringrpc::http2
