#include "http2/body_queue.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace ringrpc::http2 {

BodyQueue::Piece* BodyQueue::add_piece(MemoryPool& pool, std::size_t bytes) {
  const std::size_t capacity = std::max(bytes, tail_ == nullptr ? first_piece_bytes : next_piece_bytes);
  void* const memory = pool.allocate(sizeof(Piece) + capacity);
  if (memory == nullptr) throw std::bad_alloc();
  auto* const piece = new (memory) Piece{nullptr, 0, 0, capacity};
  (tail_ == nullptr ? head_ : tail_->next) = piece;
  tail_ = piece;
  return piece;
}

void BodyQueue::append(MemoryPool& pool, Bytes bytes) {
  if (tail_ != nullptr) {
    const std::size_t fitting = std::min(bytes.size(), tail_->capacity - tail_->end);
    if (fitting != 0) std::memcpy(tail_->data() + tail_->end, bytes.data(), fitting);
    commit(fitting);
    bytes = bytes.subspan(fitting);
  }
  if (bytes.empty()) return;
  std::memcpy(reserve(pool, bytes.size()), bytes.data(), bytes.size());
  commit(bytes.size());
}

void BodyQueue::drain(MemoryPool& pool, std::size_t bytes, Chain& out) {
  size_ -= bytes;
  while (bytes > 0) {
    const std::size_t part = std::min(bytes, head_->end - head_->begin);
    out.append({head_->data() + head_->begin, part});
    head_->begin += part;
    bytes -= part;
    if (head_->begin == head_->end && (size_ == 0 || head_ != tail_)) drop_front(pool);
  }
}

void BodyQueue::drop_front(MemoryPool& pool) noexcept {
  Piece* const dropped = head_;
  head_ = dropped->next;
  if (head_ == nullptr) tail_ = nullptr;
  pool.deallocate(dropped);
}

void BodyQueue::clear(MemoryPool& pool) noexcept {
  while (head_ != nullptr) drop_front(pool);
  size_ = 0;
}

}  // namespace ringrpc::http2
