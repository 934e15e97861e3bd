/// Writes messages in protobuf's wire format (https://protobuf.dev/programming-guides/encoding/)
/// without objects for them.
///
///   WireWriter out(room);                       // which has room for all that follows
///   out.varint(1, x);
///   out.message(2, [&] { out.text(1, name); });
///   bytes.resize(out.end() - bytes.data());
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace ringrpc::telemetry {

constexpr std::size_t varint_bytes(std::uint64_t value) noexcept {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

/// The bytes of a field below 16 with a content of that size.
constexpr std::size_t field_bytes(std::size_t content) noexcept {
  return 1 + varint_bytes(content) + content;
}

class WireWriter {
 public:
  explicit WireWriter(char* room) noexcept : at_(room) {}

  void varint(std::uint32_t field, std::uint64_t value) noexcept {
    tag(field, Type::varint);
    write_varint(value);
  }
  void fixed32(std::uint32_t field, std::uint32_t value) noexcept {
    tag(field, Type::fixed32);
    write(&value, sizeof value);
  }
  void fixed64(std::uint32_t field, std::uint64_t value) noexcept {
    tag(field, Type::fixed64);
    write(&value, sizeof value);
  }
  void text(std::uint32_t field, std::string_view text) noexcept {
    head(field, text.size());
    fields(text);
  }
  void bytes(std::uint32_t field, std::span<const std::uint8_t> bytes) noexcept {
    head(field, bytes.size());
    write(bytes.data(), bytes.size());
  }
  /// The message that `write` writes.
  template <class Write>
  void message(std::uint32_t field, const Write& write) {
    tag(field, Type::length_delimited);
    char* const length = at_++;  // of one byte, as for most messages
    write();
    const auto size = static_cast<std::size_t>(at_ - length - 1);
    const std::size_t more = varint_bytes(size) - 1;
    if (more > 0) std::memmove(length + 1 + more, length + 1, size);
    at_ = length;
    write_varint(size);
    at_ += size;
  }
  /// The beginning of a message, or of bytes, of that size. The content follows.
  void head(std::uint32_t field, std::size_t size) noexcept {
    tag(field, Type::length_delimited);
    write_varint(size);
  }
  /// Fields that were written before, or the content after `head`.
  void fields(std::string_view written) noexcept { write(written.data(), written.size()); }

  const char* end() const noexcept { return at_; }

 private:
  enum class Type : std::uint8_t { varint = 0, fixed64 = 1, length_delimited = 2, fixed32 = 5 };

  void tag(std::uint32_t field, Type type) noexcept {
    write_varint(std::uint64_t{field} << 3 | static_cast<std::uint64_t>(type));
  }
  void write_varint(std::uint64_t value) noexcept {
    for (; value > 0x7f; value >>= 7) *at_++ = static_cast<char>(value | 0x80);
    *at_++ = static_cast<char>(value);
  }
  /// Integers are written as they are in memory.
  void write(const void* bytes, std::size_t size) noexcept {
    static_assert(std::endian::native == std::endian::little);
    if (size > 0) std::memcpy(at_, bytes, size);
    at_ += size;
  }

  char* at_;
};

}  // namespace ringrpc::telemetry
