#include "http2/sent_fields.h"

#include <cstdint>
#include <cstring>
#include <new>
#include <nghttp2/nghttp2.h>
#include <string_view>

namespace ringrpc::http2 {
namespace {

std::uint8_t* copy(std::string_view text, std::uint8_t* to) noexcept {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

/// Casts to the type of nghttp2's fields. nghttp2 only reads them if told not to copy.
std::uint8_t* borrowed(std::string_view text) noexcept {
  return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
}

}  // namespace

std::size_t SentFields::bytes_for(std::span<const Header> headers) noexcept {
  std::size_t text_bytes = 0;
  for (const Header& header : headers) {
    if (!header.static_storage) text_bytes += header.name.size() + header.value.size();
  }
  return sizeof(SentFields) + headers.size() * sizeof(nghttp2_nv) + text_bytes;
}

SentFields* SentFields::write(std::span<const Header> headers, void* memory, SentFields* next) noexcept {
  auto* const sent = new (memory) SentFields{next, headers.size()};
  auto* field = reinterpret_cast<nghttp2_nv*>(sent + 1);
  auto* text = reinterpret_cast<std::uint8_t*>(field + headers.size());
  for (const Header& header : headers) {
    std::uint8_t flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
    if (header.never_indexed) flags |= NGHTTP2_NV_FLAG_NO_INDEX;
    std::uint8_t* name = borrowed(header.name);
    std::uint8_t* value = borrowed(header.value);
    if (!header.static_storage) {
      name = text;
      value = copy(header.name, text);
      text = copy(header.value, value);
    }
    new (field++) nghttp2_nv{name, value, header.name.size(), header.value.size(), flags};
  }
  return sent;
}

}  // namespace ringrpc::http2
