/// The bytes that methods, targets, hosts and fields may consist of (RFC 9110, 5.5 and 5.6.2; RFC 3986, 2).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace ringrpc::http1 {

using ByteSet = std::array<bool, 256>;

constexpr ByteSet alphanumeric_and(std::string_view more) noexcept {
  ByteSet set{};
  for (unsigned c = '0'; c <= '9'; ++c) set[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) set[c] = set[c - 0x20] = true;
  for (const char c : more) set[static_cast<unsigned char>(c)] = true;
  return set;
}

/// Methods, field names, tokens.
inline constexpr ByteSet token_bytes = alphanumeric_and("!#$%&'*+-.^_`|~");
/// A request target: the characters of a URI without the '#' that begins a fragment (RFC 9112, 3.2).
inline constexpr ByteSet target_bytes = alphanumeric_and("-._~:/?[]@!$&'()*+,;=%");
/// A host without its port: a registered name or an address, IPv6 in brackets (RFC 3986, 3.2.2).
inline constexpr ByteSet host_bytes = alphanumeric_and("-._~!$&'()*+,;=%");

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// The value of a hexadecimal digit; -1 of anything else.
constexpr int hex_value(std::uint8_t c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// CTL, without the HTAB that values may contain.
constexpr bool is_control(std::uint8_t c) noexcept { return (c < ' ' && c != '\t') || c == 0x7f; }

}  // namespace ringrpc::http1
