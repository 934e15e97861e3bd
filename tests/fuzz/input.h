/// The bytes of one execution of a fuzz target, read as choices: which frame comes next, of which
/// stream, with which payload.
///
///   Input input({data, size});
///   while (!input.empty()) {
///     Input action = input.record();
///     send(action.pick(frames), action.text(40));
///   }
///
/// At its end it gives zeros and empty texts, so that every input is a valid program. A record is a byte with a
/// length and so many bytes. Its choices end with it, so the records after it keep their meaning when it
/// changes, and record_mutator.cc can remove, repeat and mix whole records.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ringrpc::fuzz {

class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) noexcept : bytes_(bytes) {}

  bool empty() const noexcept { return bytes_.empty(); }

  std::uint8_t byte() noexcept {
    if (empty()) return 0;
    const std::uint8_t first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }
  bool flag() noexcept { return (byte() & 1) != 0; }
  /// Less than `below`, which is at most 256.
  std::uint32_t number(std::uint32_t below) noexcept { return byte() % below; }
  std::uint32_t word() noexcept {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | byte();
    return value;
  }
  template <class T, std::size_t count>
  const T& pick(const T (&of)[count]) noexcept {
    return of[number(count)];
  }
  /// At most `most` bytes, which is at most 255.
  std::string_view text(std::uint32_t most) noexcept { return take(number(most + 1)); }
  std::string_view rest() noexcept { return take(bytes_.size()); }
  Input record() noexcept { return Input(first(byte())); }

 private:
  std::span<const std::uint8_t> first(std::size_t bytes) noexcept {
    const auto taken = bytes_.first(std::min(bytes, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  std::string_view take(std::size_t bytes) noexcept {
    const auto taken = first(bytes);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

  std::span<const std::uint8_t> bytes_;
};

}  // namespace ringrpc::fuzz
