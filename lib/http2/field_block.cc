#include "http2/field_block.h"

#include <algorithm>
#include <memory>

namespace ringrpc::http2 {

bool FieldBlock::grow(MemoryPool& pool) noexcept {
  constexpr std::size_t entry_bytes = sizeof(Header) + 2 * sizeof(nghttp2_rcbuf*);
  const std::uint32_t capacity = capacity_ == 0 ? 16 : 2 * capacity_;
  void* const memory = pool.allocate(capacity * entry_bytes);
  if (memory == nullptr) return false;
  auto* const fields = static_cast<Header*>(memory);
  auto** const held = reinterpret_cast<nghttp2_rcbuf**>(fields + capacity);
  std::uninitialized_copy_n(fields_, count_, fields);
  std::copy_n(held_, held_count_, held);
  if (capacity_ != 0) pool.deallocate(fields_);
  fields_ = fields;
  held_ = held;
  capacity_ = capacity;
  return true;
}

}  // namespace ringrpc::http2
