/// Borrowed bytes, and the two views of them: as octets for the wire, as text for names and values.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ringrpc {

/// Bytes that belong to somebody else; whoever takes a Bytes says how long it must stay valid.
using Bytes = std::span<const std::uint8_t>;

inline Bytes as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace ringrpc
