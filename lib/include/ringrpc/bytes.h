/// Borrowed bytes: views of them as numbers and as text, in one piece or in several. All functions may
/// be called from any thread.
#pragma once

#include "ringrpc/compiler.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ringrpc {

/// Bytes that belong to another object. Each function that takes or returns a Bytes
/// says how long they are valid.
using Bytes = std::span<const std::uint8_t>;

/// Bytes in several pieces, in order. Both the pieces and the array of them belong to another object.
using Pieces = std::span<const Bytes>;

/// The same bytes, valid as long as `text`.
inline Bytes as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The same bytes, valid as long as `bytes`. They need not be valid UTF-8.
inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The number of bytes in all pieces.
inline std::size_t total_bytes(Pieces pieces) noexcept {
  std::size_t bytes = 0;
  for (const Bytes piece : pieces) bytes += piece.size();
  return bytes;
}

/// A copy of the bytes in one piece.
inline std::vector<std::uint8_t> join(Pieces pieces) {
  std::vector<std::uint8_t> whole;
  whole.reserve(total_bytes(pieces));
  for (const Bytes piece : pieces) whole.insert(whole.end(), piece.begin(), piece.end());
  return whole;
}

}  // namespace ringrpc
