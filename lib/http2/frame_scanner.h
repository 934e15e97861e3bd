/// Reads the header of every frame that arrives, including the frames that the engine ignores.
///
///   FrameScanner scanner(true);
///   scanner.feed(bytes);
///   while (scanner.next(head)) judge(head);       // scanner.frame_begin() is its offset in `bytes`
///
/// The engine silently ignores many frames: unknown types, DATA on closed streams, PRIORITY. The scanner
/// makes a flood of them visible. Bytes may be cut anywhere.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ringrpc/bytes.h"

namespace ringrpc::http2 {

enum class FrameType : std::uint8_t {
  data = 0,
  headers = 1,
  priority = 2,
  rst_stream = 3,
  settings = 4,
  push_promise = 5,
  ping = 6,
  goaway = 7,
  window_update = 8,
  continuation = 9,
};

struct FrameHead {
  static constexpr std::uint8_t end_stream = 0x1;
  static constexpr std::uint8_t ack = 0x1;
  static constexpr std::uint8_t end_headers = 0x4;
  static constexpr std::uint8_t padded = 0x8;
  static constexpr std::uint8_t priority = 0x20;

  std::uint32_t length;
  FrameType type;
  std::uint8_t flags;
  std::uint32_t stream_id;
  /// The first bytes of the payload: four of a PRIORITY frame (the dependency), one of a padded DATA frame
  /// (the pad length).
  std::uint32_t begin_of_payload;
};

class FrameScanner {
 public:
  static constexpr std::size_t header_bytes = 9;

  /// `after_preface`: the bytes begin with a client's connection preface.
  explicit FrameScanner(bool after_preface) noexcept : skip_(after_preface ? 24 : 0) {}

  /// Takes the bytes that arrived. They must stay valid while `next` is called.
  void feed(Bytes bytes) noexcept {
    bytes_ = bytes;
    position_ = 0;
  }

  /// Gives the next frame whose header is complete. False when the bytes are used up.
  bool next(FrameHead& head) noexcept {
    const std::size_t skipped = std::min(skip_, bytes_.size() - position_);
    skip_ -= skipped;
    position_ += skipped;
    if (held_ == 0) {
      frame_begin_ = position_;
      if (bytes_.size() - position_ >= longest) [[likely]] {
        const std::size_t used = parse(bytes_.data() + position_, longest, head);
        position_ += used;
        skip_ = head.length - (used - header_bytes);
        return true;
      }
    }
    return next_cut(head);
  }

  /// True if the bytes fed so far end inside the payload of the frame that `next` gave last.
  bool inside_payload() const noexcept { return skip_ > 0; }

  /// The offset, in the bytes fed, of the frame that `next` gave last; 0 if the frame began before them.
  std::size_t frame_begin() const noexcept { return frame_begin_; }

  /// The header block of the HEADERS frame that `next` gave. Empty unless the block is the whole payload and
  /// the bytes fed contain the whole frame.
  Bytes whole_block(const FrameHead& head) const noexcept {
    constexpr std::uint8_t others = FrameHead::end_headers | FrameHead::padded | FrameHead::priority;
    if ((head.flags & others) != FrameHead::end_headers) return {};
    const std::size_t begin = frame_begin_ + header_bytes;
    // The frame began, or ends, outside these bytes.
    if (position_ < begin || bytes_.size() - begin < head.length) return {};
    return bytes_.subspan(begin, head.length);
  }

 private:
  static constexpr std::size_t longest = header_bytes + 4;

  template <class T>
  static T number(const std::uint8_t* bytes) noexcept {
    T value;
    std::memcpy(&value, bytes, sizeof value);
    if constexpr (std::endian::native == std::endian::big) return value;
    return sizeof value == 8 ? static_cast<T>(__builtin_bswap64(value))
                             : static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  }

  static std::size_t bytes_of_payload(const FrameHead& head) noexcept {
    if (head.type == FrameType::data) return (head.flags & FrameHead::padded) != 0 ? 1 : 0;
    return head.type == FrameType::priority ? 4 : 0;
  }

  /// Reads a frame header from `bytes`. Returns how many bytes it takes: more than `size` if it is
  /// incomplete.
  static std::size_t parse(const std::uint8_t* bytes, std::size_t size, FrameHead& head) noexcept {
    if (size < header_bytes) return header_bytes;
    const auto first = number<std::uint64_t>(bytes);
    head.length = static_cast<std::uint32_t>(first >> 40);
    head.type = static_cast<FrameType>(first >> 32);
    head.flags = static_cast<std::uint8_t>(first >> 24);
    head.stream_id = (static_cast<std::uint32_t>(first) << 8 | bytes[8]) & 0x7fffffff;
    head.begin_of_payload = 0;
    const std::size_t more = bytes_of_payload(head);
    if (more == 0 || head.length < more) return header_bytes;
    if (size < header_bytes + more) return header_bytes + more;
    head.begin_of_payload = more == 1 ? bytes[header_bytes] : number<std::uint32_t>(bytes + header_bytes);
    return header_bytes + more;
  }

  /// Reads a frame header that is cut: part of it came with earlier bytes or comes with later ones.
  bool next_cut(FrameHead& head) noexcept {
    while (position_ < bytes_.size()) {
      held_bytes_[held_++] = bytes_[position_++];
      const std::size_t needed = parse(held_bytes_, held_, head);
      if (held_ < needed) continue;
      skip_ = head.length - (held_ - header_bytes);
      if (held_ > position_) frame_begin_ = 0;
      held_ = 0;
      return true;
    }
    return false;
  }

  Bytes bytes_;
  std::size_t position_ = 0;
  std::size_t frame_begin_ = 0;
  std::size_t skip_;
  std::size_t held_ = 0;
  std::uint8_t held_bytes_[longest];
};

}  // namespace ringrpc::http2
