/// What the peer has done with its recent stream ids, long after the streams themselves are gone.
///
/// RFC 9113 wants a connection error for a new stream whose id is lower than one already used (5.1.1) and for
/// DATA or HEADERS after the peer's own END_STREAM or RST_STREAM (5.1), but silence for what was on its way
/// when we reset a stream. Which of them it is depends only on what the peer itself has sent, so two bits an
/// id tell: whoever never opened an id, or has ended it, can not have been overtaken by anything.
///
///   never opened ──HEADERS──▶ open ──END_STREAM, RST_STREAM──▶ ended
///        ▲ (skipped by          └────we reset it────▶ dropped ────▲
///           a higher id)
///
/// The last 512 ids of a client are remembered, in 128 bytes.
#pragma once

#include <array>
#include <cstdint>

namespace ringrpc::http2 {

enum class StreamPast : std::uint8_t { never_opened, open, ended, dropped, forgotten };

class StreamHistory {
 public:
  /// The highest id opened; 0 before the first.
  std::uint32_t highest() const noexcept { return highest_; }

  /// What became of `id`, an odd number not above `highest`.
  StreamPast of(std::uint32_t id) const noexcept {
    if (highest_ - id >= 2 * span) return StreamPast::forgotten;
    return static_cast<StreamPast>((words_[word(id)] >> shift(id)) & 3);
  }

  /// `id`, above `highest`, is opened; ids in between never were.
  void open(std::uint32_t id) noexcept {
    std::uint32_t skipped = highest_ == 0 ? 1 : highest_ + 2;
    if (id - skipped >= 2 * span) skipped = id - 2 * (span - 1);
    for (; skipped < id; skipped += 2) set(skipped, StreamPast::never_opened);
    highest_ = id;
    set(id, StreamPast::open);
  }

  /// The peer will send nothing more on `id`; no effect when that is too long ago to matter.
  void end(std::uint32_t id) noexcept { change(id, StreamPast::ended); }

  /// We gave up `id` before the peer ended it.
  void drop(std::uint32_t id) noexcept {
    if (id <= highest_ && of(id) == StreamPast::open) set(id, StreamPast::dropped);
  }

 private:
  static constexpr std::uint32_t span = 512;

  static std::uint32_t word(std::uint32_t id) noexcept { return (id / 2 % span) / 32; }
  static std::uint32_t shift(std::uint32_t id) noexcept { return (id / 2 % 32) * 2; }
  void set(std::uint32_t id, StreamPast past) noexcept {
    std::uint64_t& bits = words_[word(id)];
    bits = (bits & ~(std::uint64_t{3} << shift(id))) | (static_cast<std::uint64_t>(past) << shift(id));
  }
  void change(std::uint32_t id, StreamPast past) noexcept {
    if (id <= highest_ && highest_ - id < 2 * span) set(id, past);
  }

  std::uint32_t highest_ = 0;
  std::array<std::uint64_t, span / 32> words_{};
};

}  // namespace ringrpc::http2
