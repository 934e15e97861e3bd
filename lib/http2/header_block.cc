#include "http2/header_block.h"

#include <algorithm>
#include <memory>

namespace ringrpc::http2 {

bool HeaderBlock::put(MemoryPool& pool, const Header& field, const FieldMeaning& meaning, nghttp2_rcbuf* name,
                      nghttp2_rcbuf* value) noexcept {
  if (count_ == capacity_ && !grow(pool)) return false;
  nghttp2_rcbuf_incref(name);
  nghttp2_rcbuf_incref(value);
  if (count_ < known_) {
    nghttp2_rcbuf_decref(sources_[count_].name);
    nghttp2_rcbuf_decref(sources_[count_].value);
  } else {
    ++known_;
  }
  fields_[count_] = field;
  sources_[count_] = {name, value, meaning, list_bytes(field)};
  return true;
}

bool HeaderBlock::grow(MemoryPool& pool) noexcept {
  const std::uint32_t capacity = capacity_ == 0 ? 10 : 2 * capacity_;
  void* const memory = pool.allocate(capacity * (sizeof(Header) + sizeof(Source)));
  if (memory == nullptr) return false;
  auto* const fields = static_cast<Header*>(memory);
  auto* const sources = reinterpret_cast<Source*>(fields + capacity);
  std::uninitialized_copy_n(fields_, known_, fields);
  std::uninitialized_copy_n(sources_, known_, sources);
  pool.deallocate(fields_);
  fields_ = fields;
  sources_ = sources;
  capacity_ = capacity;
  return true;
}

void HeaderBlock::release(MemoryPool& pool) noexcept {
  for (std::uint32_t i = 0; i < known_; ++i) {
    nghttp2_rcbuf_decref(sources_[i].name);
    nghttp2_rcbuf_decref(sources_[i].value);
  }
  pool.deallocate(fields_);
  capacity_ = known_ = count_ = 0;
  fields_ = nullptr;
}

bool KeptHeaders::keep(MemoryPool& pool, const HeaderBlock& block) noexcept {
  void* const memory = pool.allocate(block.count_ * (sizeof(Header) + 2 * sizeof(nghttp2_rcbuf*)));
  if (memory == nullptr) return false;
  count_ = block.count_;
  fields_ = static_cast<Header*>(memory);
  std::uninitialized_copy_n(block.fields_, count_, fields_);
  buffers_ = reinterpret_cast<nghttp2_rcbuf**>(fields_ + count_);
  nghttp2_rcbuf** buffer = buffers_;
  for (const HeaderBlock::Source& source : std::span(block.sources_, count_)) {
    for (nghttp2_rcbuf* const held : {source.name, source.value}) {
      nghttp2_rcbuf_incref(held);
      *buffer++ = held;
    }
  }
  return true;
}

void KeptHeaders::release(MemoryPool& pool) noexcept {
  if (fields_ == nullptr) return;
  for (nghttp2_rcbuf* const held : std::span(buffers_, 2 * count_)) nghttp2_rcbuf_decref(held);
  pool.deallocate(fields_);
  fields_ = nullptr;
  count_ = 0;
}

}  // namespace ringrpc::http2
