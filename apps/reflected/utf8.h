/// Whether bytes are UTF-8 (RFC 3629), told as they come.
///
///   Utf8 utf8;
///   for (const char c : text)
///     if (!utf8.take(c)) return "not UTF-8";
#pragma once

#include <cstdint>

namespace ringrpc::reflected {

class Utf8 {
 public:
  /// False where `c` cannot come next: then the rest means nothing.
  bool take(char c) noexcept {
    const auto byte = static_cast<std::uint8_t>(c);
    if (left_ == 0) return begin(byte);
    if (byte < least_ || byte > most_) return false;
    expect(left_ - 1);
    return true;
  }

 private:
  void expect(unsigned more, std::uint8_t least = 0x80, std::uint8_t most = 0xbf) noexcept {
    left_ = more;
    least_ = least;
    most_ = most;
  }

  /// The second byte's bounds leave out what is longer than it must be, surrogates and what Unicode has not.
  bool begin(std::uint8_t byte) noexcept {
    if (byte < 0x80) return true;
    if (byte < 0xc2 || byte > 0xf4) return false;
    if (byte < 0xe0) {
      expect(1);
    } else if (byte < 0xf0) {
      expect(2, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf);
    } else {
      expect(3, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf);
    }
    return true;
  }

  unsigned left_ = 0;  // bytes of a character still to come
  std::uint8_t least_ = 0;
  std::uint8_t most_ = 0;
};

}  // namespace ringrpc::reflected
