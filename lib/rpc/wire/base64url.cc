#include "rpc/wire/base64url.h"

#include <array>
#include <cstdint>

namespace ringrpc {
namespace {

constexpr std::uint8_t no_digit = 64;

constexpr std::array<std::uint8_t, 256> url_digits = [] {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(no_digit);
  std::uint8_t value = 0;
  for (const char each : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
    digits[static_cast<unsigned char>(each)] = value++;
  return digits;
}();

}  // namespace

std::optional<std::string> base64url_decode(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned pending = 0;  // bits that are not in a byte yet
  for (const char each : text) {
    const std::uint8_t digit = url_digits[static_cast<unsigned char>(each)];
    if (digit == no_digit) return std::nullopt;
    bits = bits << 6 | digit;
    pending += 6;
    if (pending < 8) continue;
    pending -= 8;
    bytes += static_cast<char>(bits >> pending);
  }
  // A lone digit is no byte, and the rest of the last digit must be zeros.
  if (pending == 6 || (bits & ((1u << pending) - 1)) != 0) return std::nullopt;
  return bytes;
}

}  // namespace ringrpc
