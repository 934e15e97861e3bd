/// The fate of the peer's recent stream ids, kept long after the streams themselves.
///
/// RFC 9113 demands a connection error for a new stream whose id is lower than one already used (5.1.1), and
/// permits one for DATA or HEADERS after the peer's END_STREAM (5.1). A frame after a reset is different.
/// After our reset it was in flight and is ignored. After the peer's own it is a stream error, sent once.
/// Four bits for each id tell these cases apart.
///
///   never opened ──HEADERS──▶ open ──END_STREAM──▶ ended
///        ▲ (skipped by          ├──our RST_STREAM──▶ dropped ──END_STREAM──▶ ended
///           a higher id)        └──their RST_STREAM──▶ abandoned ──a frame, and our RST_STREAM──▶ dropped
///
/// The last 512 ids of a client are kept, in 256 bytes.
#pragma once

#include <array>
#include <cstdint>

namespace ringrpc::http2 {

enum class StreamPast : std::uint8_t { never_opened, open, ended, dropped, abandoned, forgotten };

class StreamHistory {
 public:
  /// The highest id opened; 0 before the first.
  std::uint32_t highest() const noexcept { return highest_; }

  /// The fate of `id`, an odd number not above `highest`.
  StreamPast of(std::uint32_t id) const noexcept {
    if (highest_ - id >= 2 * span) return StreamPast::forgotten;
    return static_cast<StreamPast>((words_[word(id)] >> shift(id)) & 15);
  }

  /// `id`, above `highest`, is opened; the ids in between never were.
  void open(std::uint32_t id) noexcept {
    std::uint32_t skipped = highest_ == 0 ? 1 : highest_ + 2;
    if (id - skipped >= 2 * span) skipped = id - 2 * (span - 1);
    for (; skipped < id; skipped += 2) set(skipped, StreamPast::never_opened);
    highest_ = id;
    set(id, StreamPast::open);
  }

  /// The peer sends nothing more on `id`. No effect if the id is forgotten.
  void end(std::uint32_t id) noexcept { change(id, StreamPast::ended); }

  /// The peer reset `id` before it ended it.
  void abandon(std::uint32_t id) noexcept {
    if (id <= highest_ && of(id) == StreamPast::open) set(id, StreamPast::abandoned);
  }

  /// We reset `id` before the peer ended it.
  void drop(std::uint32_t id) noexcept {
    if (id > highest_) return;
    const StreamPast past = of(id);
    if (past == StreamPast::open || past == StreamPast::abandoned) set(id, StreamPast::dropped);
  }

 private:
  static constexpr std::uint32_t span = 512;

  static std::uint32_t word(std::uint32_t id) noexcept { return (id / 2 % span) / 16; }
  static std::uint32_t shift(std::uint32_t id) noexcept { return (id / 2 % 16) * 4; }
  void set(std::uint32_t id, StreamPast past) noexcept {
    std::uint64_t& bits = words_[word(id)];
    bits = (bits & ~(std::uint64_t{15} << shift(id))) | (static_cast<std::uint64_t>(past) << shift(id));
  }
  void change(std::uint32_t id, StreamPast past) noexcept {
    if (id <= highest_ && highest_ - id < 2 * span) set(id, past);
  }

  std::uint32_t highest_ = 0;
  std::array<std::uint64_t, span / 16> words_{};
};

}  // namespace ringrpc::http2
