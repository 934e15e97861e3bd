/// Header fields in the form in which nghttp2 takes them.
#pragma once

#include <cstddef>
#include <span>

#include "http2/header.h"

namespace ringrpc::http2 {

/// nghttp2's fields follow the struct. Copies of names and values without static storage follow the fields.
struct SentFields {
  SentFields* next;
  std::size_t count;

  /// The memory that `write` needs for these fields, in bytes.
  static std::size_t bytes_for(std::span<const Header> headers) noexcept;

  /// Writes the fields to `memory`, which is aligned for any type.
  static SentFields* write(std::span<const Header> headers, void* memory, SentFields* next) noexcept;

  /// The fields, of nghttp2's type nghttp2_nv.
  const void* fields() const noexcept { return this + 1; }
};

}  // namespace ringrpc::http2
