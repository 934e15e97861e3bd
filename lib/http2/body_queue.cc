#include "http2/body_queue.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace ringrpc::http2 {

/// Bytes that fit in one slab get a new slab. A longer body continues in the last slab if enough of that is
/// free, and in a new slab otherwise.
std::span<std::uint8_t> BodyQueue::reserve_in_slab(SlabPool& slabs, std::size_t bytes) {
  const bool fits_in_one = bytes <= slab_bytes - frame_header_bytes;
  const bool goes_on = tail_ != nullptr && tail_->slab != nullptr && tail_->room() >= slab_rest_min;
  if (fits_in_one || !goes_on) {
    Slab* const slab = slabs.take();
    add(new (slab->data) Piece{nullptr, slab, frame_header_bytes, frame_header_bytes, slab_bytes});
  }
  return {tail_->data() + tail_->end, std::min(bytes, tail_->room())};
}

void BodyQueue::add_block(MemoryPool& blocks, std::size_t bytes) {
  const bool first = tail_ == nullptr || tail_->slab != nullptr;
  const std::size_t capacity = std::max(bytes, first ? first_block_bytes : next_block_bytes);
  void* const memory = blocks.allocate(sizeof(Piece) + capacity);
  if (memory == nullptr) throw std::bad_alloc();
  add(new (memory) Piece{nullptr, nullptr, 0, 0, static_cast<std::uint32_t>(capacity)});
}

void BodyQueue::append(const BodyMemory& memory, Bytes bytes) {
  while (!bytes.empty()) {
    const std::size_t rest = tail_ == nullptr ? 0 : tail_->room();
    const std::span<std::uint8_t> room =
        reserve(memory, rest == 0 ? bytes.size() : std::min(bytes.size(), rest));
    std::memcpy(room.data(), bytes.data(), room.size());
    commit(room.size());
    bytes = bytes.subspan(room.size());
  }
}

std::size_t BodyQueue::next_large_frame_bytes(std::size_t limit) const noexcept {
  std::size_t bytes = 0;
  for (const Piece* piece = head_; piece != nullptr && bytes < limit; piece = piece->next) {
    if (piece->movable() && bytes > 0) break;
    bytes += piece->size();
    if (piece->movable()) break;
  }
  return std::min(limit, bytes);
}

void BodyQueue::drain(const BodyMemory& memory, std::size_t bytes, const std::uint8_t* header, Chain& out) {
  assert(bytes <= size_);
  size_ -= bytes;
  if (bytes >= moved_bytes_min && head_->slab != nullptr && bytes == head_->size()) [[unlikely]]
    return move_front(header, out);
  out.append({header, frame_header_bytes});
  while (bytes > 0) {
    const std::size_t part = std::min(bytes, head_->size());
    out.append({head_->data() + head_->begin, part});
    head_->begin += static_cast<std::uint32_t>(part);
    bytes -= part;
    if (head_->size() == 0 && (size_ == 0 || head_ != tail_)) drop_front(memory);
  }
}

/// Sends the first slab as one frame. Its header fits before the content: a slab begins with room for it, and
/// draining only adds to that room.
void BodyQueue::move_front(const std::uint8_t* header, Chain& out) noexcept {
  Piece* const piece = take_front();
  std::uint8_t* const frame = piece->data() + piece->begin - frame_header_bytes;
  Slab* const slab = piece->slab;
  slab->begin = static_cast<std::uint32_t>(frame - slab->data);
  slab->end = slab->begin + static_cast<std::uint32_t>(frame_header_bytes + piece->size());
  std::memcpy(frame, header,
              frame_header_bytes);  // does not overwrite the Piece, which is stored before the frame
  out.append(slab);
}

}  // namespace ringrpc::http2
