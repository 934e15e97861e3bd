#include "rpc/wire/base64.h"

#include <array>
#include <cstdint>

namespace ringrpc {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t invalid = 0xff;

constexpr std::array<std::uint8_t, 256> digit_values = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(invalid);
  for (std::size_t at = 0; at < alphabet.size(); ++at)
    table[static_cast<std::uint8_t>(alphabet[at])] = static_cast<std::uint8_t>(at);
  return table;
}();

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string text((bytes.size() * 4 + 2) / 3, '\0');
  char* to = text.data();
  std::uint32_t bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<std::uint8_t>(byte);
    for (count += 8; count >= 6; count -= 6) *to++ = alphabet[bits >> (count - 6) & 63];
  }
  if (count > 0) *to++ = alphabet[bits << (6 - count) & 63];
  return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 == 0 && text.ends_with('=')) text.remove_suffix(text.ends_with("==") ? 2 : 1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char character : text) {
    const std::uint8_t value = digit_values[static_cast<std::uint8_t>(character)];
    if (value == invalid) return std::nullopt;
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xff);
    }
  }
  return bytes;
}

std::optional<std::size_t> count_base64_values(std::string_view list) noexcept {
  std::size_t values = 0;
  for (std::size_t at = 0;; ++at) {
    const std::size_t begin = at;
    while (at < list.size() && digit_values[static_cast<std::uint8_t>(list[at])] != invalid) ++at;
    const std::size_t digits = at - begin;
    while (at < list.size() && list[at] == '=') ++at;
    const std::size_t padding = at - begin - digits;
    const bool complete = padding == 0 ? digits % 4 != 1 : padding <= 2 && (digits + padding) % 4 == 0;
    if (!complete) return std::nullopt;
    ++values;
    if (at == list.size()) return values;
    if (list[at] != ',') return std::nullopt;
  }
}

}  // namespace ringrpc
