/// The fields of a header block that arrived, as views into the buffers of the HPACK decoder.
///
///   FieldBlock block;
///   block.add(pool, {name, value}, name_buffer, value_buffer);
///   ... block.fields() ...
///   block.release(pool);
///
/// Names and values are not copied: their buffers are counted references, held until `release`.
#pragma once

#include <cstdint>
#include <nghttp2/nghttp2.h>
#include <span>

#include "http2/header.h"
#include "http2/memory_pool.h"

namespace ringrpc::http2 {

class FieldBlock {
 public:
  FieldBlock() = default;
  FieldBlock(const FieldBlock&) = delete;
  FieldBlock& operator=(const FieldBlock&) = delete;

  /// Valid until the next `add` or `release`.
  std::span<const Header> fields() const noexcept { return {fields_, count_}; }

  /// Adds a field and holds its buffers, each null when it lives as long as the process. False when there is no memory.
  bool add(MemoryPool& pool, const Header& field, nghttp2_rcbuf* name, nghttp2_rcbuf* value) noexcept {
    if (count_ == capacity_ && !grow(pool)) return false;
    fields_[count_++] = field;
    hold(name);
    hold(value);
    return true;
  }

  void release(MemoryPool& pool) noexcept {
    if (capacity_ == 0) return;
    for (std::uint32_t i = 0; i < held_count_; ++i) nghttp2_rcbuf_decref(held_[i]);
    pool.deallocate(fields_);
    capacity_ = count_ = held_count_ = 0;
  }

 private:
  void hold(nghttp2_rcbuf* buffer) noexcept {
    if (buffer == nullptr) return;
    nghttp2_rcbuf_incref(buffer);
    held_[held_count_++] = buffer;
  }
  bool grow(MemoryPool& pool) noexcept;

  std::uint32_t capacity_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t held_count_ = 0;
  Header* fields_ = nullptr;  // `capacity_` of them, and after them room for twice as many buffers
  nghttp2_rcbuf** held_ = nullptr;
};

}  // namespace ringrpc::http2
