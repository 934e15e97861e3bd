/// Whether bytes are UTF-8 (RFC 3629), told as they come.
///
///   Utf8 utf8;
///   for (const char c : text)
///     if (!utf8.take(c)) return "not UTF-8";
///
///   only_utf8("x\xff");                  // "x\ufffd"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

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

  /// Nothing was taken, or a whole character last.
  bool whole() const noexcept { return left_ == 0; }

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

/// `text` with U+FFFD for each character that breaks off, and for each byte with which none can begin.
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
      if (begin < at) --at;  // it may begin the next
    }
    begin = at + 1;
  }
  return begin < text.size() ? good.append(replacement) : good;
}

}  // namespace ringrpc::reflected
