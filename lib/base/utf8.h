/// Checks incrementally whether bytes are UTF-8 (RFC 3629).
///
///   Utf8 utf8;
///   for (const char c : text)
///     if (!utf8.take(c)) return "not UTF-8";
///
///   only_utf8("x\xff");                  // "x\ufffd"
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ringrpc {

class Utf8 {
 public:
  /// False when `c` is not valid here; the object must not be used further.
  bool take(char c) noexcept {
    const auto byte = static_cast<std::uint8_t>(c);
    if (left_ == 0) return begin(byte);
    if (byte < least_ || byte > most_) return false;
    expect(left_ - 1);
    return true;
  }

  /// True if the bytes so far end with a complete character.
  bool whole() const noexcept { return left_ == 0; }

 private:
  void expect(unsigned more, std::uint8_t least = 0x80, std::uint8_t most = 0xbf) noexcept {
    left_ = more;
    least_ = least;
    most_ = most;
  }

  /// The bounds of the second byte exclude overlong forms, surrogates, and values beyond Unicode.
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

/// The length of the UTF-8 character at the beginning of `text`; 0 if there is none.
inline std::size_t character_bytes(std::string_view text) noexcept {
  Utf8 utf8;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!utf8.take(text[at])) return 0;
    if (utf8.whole()) return at + 1;
  }
  return 0;
}

/// `text` with U+FFFD in place of each incomplete character and of each byte that cannot begin one.
inline std::string only_utf8(std::string_view text) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";
  std::string good;
  Utf8 utf8;
  std::size_t begin = 0;  // of the character
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (utf8.take(text[at])) {
      if (!utf8.whole()) continue;
      good += text.substr(begin, at + 1 - begin);
    } else {
      good += replacement;
      utf8 = Utf8();
      if (begin < at) --at;  // this byte may begin the next character
    }
    begin = at + 1;
  }
  return begin < text.size() ? good.append(replacement) : good;
}

}  // namespace ringrpc
