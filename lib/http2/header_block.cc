#include "http2/header_block.h"

#include <algorithm>
#include <memory>
#include <new>
#include <nghttp2/nghttp2.h>

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
  sources_[count_] = {name, value, meaning, static_cast<std::uint32_t>(list_bytes(field))};
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
  void* const memory =
      pool.allocate(sizeof(Shared) + block.count_ * (sizeof(Header) + 2 * sizeof(nghttp2_rcbuf*)));
  if (memory == nullptr) return false;
  shared_ = new (memory) Shared{1, block.count_};
  std::uninitialized_copy_n(block.fields_, block.count_, shared_->fields());
  nghttp2_rcbuf** buffer = shared_->buffers().data();
  for (const HeaderBlock::Source& source : std::span(block.sources_, block.count_)) {
    for (nghttp2_rcbuf* const held : {source.name, source.value}) {
      nghttp2_rcbuf_incref(held);
      *buffer++ = held;
    }
  }
  return true;
}

void KeptHeaders::destroy(MemoryPool& pool, Shared& shared) noexcept {
  for (nghttp2_rcbuf* const held : shared.buffers()) nghttp2_rcbuf_decref(held);
  pool.deallocate(&shared);
}

}  // namespace ringrpc::http2
