#include "frames.h"

#include <doctest/doctest.h>
#include <nghttp2/nghttp2.h>
#include <utility>

namespace ringrpc::http2::test {

namespace {

std::uint8_t* bytes_of(const std::string& text) {
  return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
}

}  // namespace

Encoder::Encoder() { nghttp2_hd_deflate_new(&deflater_, 4096); }
Encoder::~Encoder() { nghttp2_hd_deflate_del(deflater_); }

std::string Encoder::block(const FieldList& fields) {
  std::vector<nghttp2_nv> encoded;
  std::size_t bytes = 64;
  for (const auto& [name, value] : fields) {
    encoded.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    bytes += name.size() + value.size() + 32;
  }
  std::string made(bytes, '\0');
  const ssize_t size =
      nghttp2_hd_deflate_hd(deflater_, bytes_of(made), made.size(), encoded.data(), encoded.size());
  made.resize(static_cast<std::size_t>(size));
  return made;
}

Decoder::Decoder() { nghttp2_hd_inflate_new(&inflater_); }
Decoder::~Decoder() { nghttp2_hd_inflate_del(inflater_); }

FieldList Decoder::fields(std::string_view block) {
  std::optional<FieldList> found = try_fields(block);
  REQUIRE(found.has_value());
  return *std::move(found);
}

std::optional<FieldList> Decoder::try_fields(std::string_view block) {
  FieldList found;
  const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
  std::size_t left = block.size();
  for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
    nghttp2_nv field;
    const ssize_t taken = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, 1);
    if (taken < 0) return std::nullopt;
    at += taken;
    left -= static_cast<std::size_t>(taken);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
      found.emplace_back(std::string(reinterpret_cast<const char*>(field.name), field.namelen),
                         std::string(reinterpret_cast<const char*>(field.value), field.valuelen));
    else if ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0 && left == 0)
      return std::nullopt;  // it ends inside a field
  }
  nghttp2_hd_inflate_end_headers(inflater_);
  return found;
}

}  // namespace ringrpc::http2::test
