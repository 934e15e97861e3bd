/// Header fields as HTTP/2 carries them: names in lower case, values of arbitrary bytes.
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
  /// For sending: name and value are literals or outlive the session, so they are not copied.
  bool static_storage = false;
};

using Headers = std::vector<Header>;

/// The size of a field as a header list counts it (RFC 9113, 6.5.2).
inline std::size_t list_bytes(const Header& field) noexcept {
  return field.name.size() + field.value.size() + 32;
}

/// An estimate of the memory that a header block takes while a stream keeps it. Each name and value that is
/// in no HPACK table has an allocation of its own.
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
