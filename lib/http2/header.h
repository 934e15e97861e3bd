/// Header fields as HTTP/2 carries them: lower-case names, octet values.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace ringrpc::http2 {

/// A borrowed field.
///
///   Header{":status", "200", .static_storage = true}
struct Header {
  std::string_view name;
  std::string_view value;
  /// Keeps a secret out of the peer's compression tables (RFC 7541, 7.1.3).
  bool never_indexed = false;
  /// For sending: name and value are literals, or outlive the session, so that they need not be copied.
  bool static_storage = false;
};

using Headers = std::vector<Header>;

/// What a field counts in a header list (RFC 9113, 6.5.2).
inline std::size_t list_bytes(const Header& field) noexcept {
  return field.name.size() + field.value.size() + 32;
}

/// What a header block takes in memory while a stream keeps it, estimated: each name and each value that is not
/// in a table lies in a block of its own.
inline std::size_t kept_bytes(std::span<const Header> fields) noexcept {
  constexpr std::size_t field_bytes = 128;
  std::size_t bytes = 0;
  for (const Header& field : fields) bytes += field_bytes + 2 * (field.name.size() + field.value.size());
  return bytes;
}

inline std::size_t list_bytes(std::span<const Header> fields) noexcept {
  std::size_t bytes = 0;
  for (const Header& field : fields) bytes += list_bytes(field);
  return bytes;
}

}  // namespace ringrpc::http2
