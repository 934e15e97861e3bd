/// Borrowed bytes, and the two views of them: as octets for the wire, as text for names and values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ringrpc {

/// Bytes that belong to somebody else; whoever takes a Bytes says how long it must stay valid.
using Bytes = std::span<const std::uint8_t>;

/// Bytes that lie in several pieces, one behind the other.
using Pieces = std::span<const Bytes>;

inline Bytes as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::size_t total_bytes(Pieces pieces) noexcept {
  std::size_t bytes = 0;
  for (const Bytes piece : pieces) bytes += piece.size();
  return bytes;
}

/// A copy in one piece.
inline std::vector<std::uint8_t> join(Pieces pieces) {
  std::vector<std::uint8_t> whole;
  whole.reserve(total_bytes(pieces));
  for (const Bytes piece : pieces) whole.insert(whole.end(), piece.begin(), piece.end());
  return whole;
}

}  // namespace ringrpc
