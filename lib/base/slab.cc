#include "base/slab.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace ringrpc {

SlabPool::~SlabPool() { drop_free(); }

void SlabPool::drop_free() noexcept {
  while (free_) delete std::exchange(free_, free_->next);
  free_count_ = 0;
}

Slab* SlabPool::take() {
  Slab* slab = free_;
  if (slab) {
    free_ = slab->next;
    --free_count_;
  } else {
    slab = new Slab;  // uninitialised data: it is written before it is read
  }
  ++in_use_;
  slab->next = nullptr;
  slab->begin = slab->end = 0;
  return slab;
}

void SlabPool::give_back(Slab* slab) noexcept {
  --in_use_;
  if (free_count_ >= keep_) {
    delete slab;
    return;
  }
  slab->next = free_;
  free_ = slab;
  ++free_count_;
}

Chain& Chain::operator=(Chain&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(head_, other.head_);
  std::swap(tail_, other.tail_);
  std::swap(size_, other.size_);
  std::swap(slab_count_, other.slab_count_);
  return *this;
}

void Chain::append_over_slabs(Bytes bytes) {
  while (!bytes.empty()) {
    std::uint8_t* room = reserve(1);
    const std::size_t piece = std::min<std::size_t>(bytes.size(), Slab::capacity - tail_->end);
    std::memcpy(room, bytes.data(), piece);
    commit(piece);
    bytes = bytes.subspan(piece);
  }
}

void Chain::move_front(std::size_t bytes, Chain& to) {
  assert(to.pool_ == pool_ && &to != this);
  while (head_ && bytes > 0) {
    const std::size_t filled = head_->end - head_->begin;
    if (filled > bytes || filled < moved_bytes_min) {
      const std::size_t piece = std::min(bytes, filled);
      to.append(Bytes(head_->data + head_->begin, piece));
      consume(piece);
      bytes -= piece;
    } else {
      Slab* const moved = std::exchange(head_, head_->next);
      if (!head_) tail_ = nullptr;
      --slab_count_;
      size_ -= filled;
      bytes -= filled;
      to.append(moved);
    }
  }
}

std::size_t Chain::gather(std::span<iovec> into) const noexcept {
  std::size_t filled = 0;
  for (Slab* slab = head_; slab && filled < into.size(); slab = slab->next) {
    if (slab->begin == slab->end) continue;  // reserved, not committed
    into[filled++] = {slab->data + slab->begin, slab->end - slab->begin};
  }
  return filled;
}

void Chain::consume(std::size_t bytes) noexcept {
  assert(bytes <= size_);
  size_ -= bytes;
  while (head_) {
    const std::size_t piece = std::min<std::size_t>(bytes, head_->end - head_->begin);
    head_->begin += static_cast<std::uint32_t>(piece);
    bytes -= piece;
    if (head_->begin != head_->end) return;
    Slab* drained = std::exchange(head_, head_->next);
    if (!head_) tail_ = nullptr;
    --slab_count_;
    pool_->give_back(drained);
  }
}

void Chain::drop_all() noexcept {
  while (head_) pool_->give_back(std::exchange(head_, head_->next));
  tail_ = nullptr;
  size_ = slab_count_ = 0;
}

}  // namespace ringrpc
