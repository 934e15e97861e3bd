#include "http2/field_syntax.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace ringrpc::http2 {
namespace {

constexpr std::array<bool, 256> name_bytes = [] {
  std::array<bool, 256> allowed{};
  for (unsigned char c = '0'; c <= '9'; ++c) allowed[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) allowed[c] = true;
  for (const unsigned char c : std::string_view("!#$%&'*+-.^_`|~")) allowed[c] = true;
  return allowed;
}();

constexpr std::uint64_t each_byte = 0x0101010101010101;

/// True if one of the eight bytes is below 0x20 or is 0x7f.
bool has_control(std::uint64_t bytes) noexcept {
  const std::uint64_t below_space = (bytes - each_byte * 0x20) & ~bytes;
  const std::uint64_t flipped = bytes ^ (each_byte * 0x7f);
  const std::uint64_t is_delete = (flipped - each_byte) & ~flipped;
  return ((below_space | is_delete) & (each_byte * 0x80)) != 0;
}

template <class Word>
std::uint64_t load(const char* bytes) noexcept {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// Checks eight bytes at a time. The last eight may overlap those before them, which is faster than single
/// bytes.
bool may_have_control(std::string_view text) noexcept {
  const char* const begin = text.data();
  const std::size_t size = text.size();
  if (size >= 8) {
    for (std::size_t i = 0; i + 8 < size; i += 8) {
      if (has_control(load<std::uint64_t>(begin + i))) return true;
    }
    return has_control(load<std::uint64_t>(begin + size - 8));
  }
  if (size >= 4) {
    return has_control(load<std::uint32_t>(begin) | load<std::uint32_t>(begin + size - 4) << 32);
  }
  std::uint64_t bytes = each_byte * ' ';
  for (const char c : text) bytes = bytes << 8 | static_cast<unsigned char>(c);
  return has_control(bytes);
}

}  // namespace

bool valid_field_name(std::string_view name) noexcept {
  if (name.empty()) return false;
  for (const unsigned char c : name) {
    if (!name_bytes[c]) return false;
  }
  return true;
}

bool valid_field_value(std::string_view value) noexcept {
  if (value.empty()) return true;
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  if (is_space(value.front()) || is_space(value.back())) return false;
  if (!may_have_control(value)) return true;
  return std::ranges::none_of(value, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

}  // namespace ringrpc::http2
