/// State that many calls and threads share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "ringrpc/event_count.h"

#include "weather/v1/weather.ringrpc.h"

namespace fan_out {

using namespace ringrpc;
using namespace weather::v1;

// [board]
/// The latest readings, at positions that count up from 0. All methods may be called from any thread.
class Board {
 public:
  static constexpr std::size_t kept = 1000;

  void post(Reading reading) {
    {
      const std::lock_guard lock(mutex_);
      readings_.push_back(std::move(reading));
      if (readings_.size() > kept) {
        readings_.pop_front();
        ++first_;
      }
    }
    changes_.notify();  // after the change
  }

  /// The position after the latest reading.
  std::uint64_t end() const {
    const std::lock_guard lock(mutex_);
    return first_ + readings_.size();
  }

  /// The readings from `position`, at most `end`, on. Nothing if the board no longer keeps all of them.
  std::optional<std::vector<Reading>> from(std::uint64_t position) const {
    const std::lock_guard lock(mutex_);
    if (position < first_) return std::nullopt;
    const auto skipped = static_cast<std::ptrdiff_t>(position - first_);
    return std::vector<Reading>(readings_.begin() + skipped, readings_.end());
  }

  std::optional<Reading> latest() const {
    const std::lock_guard lock(mutex_);
    return readings_.empty() ? std::nullopt : std::optional(readings_.back());
  }

  EventCount& changes() { return changes_; }

 private:
  mutable std::mutex mutex_;
  std::deque<Reading> readings_;
  std::uint64_t first_ = 0;  // the position of the oldest reading
  EventCount changes_;
};
// [/board]

// [copy]
/// Writes the readings from `position` on, and moves it behind each that was written.
template <class Out>
Task<Status> write_new(const Board& board, std::uint64_t& position, Out& out) {
  const auto readings = board.from(position);
  if (!readings) co_return fail(Code::DATA_LOSS, "the receiver is too slow and has missed readings");
  for (const Reading& reading : *readings) {
    if (!co_await out.write(reading)) co_return Status();
    ++position;
  }
  co_return Status();
}

/// Writes the readings from `position` on, each when it is posted. Runs until it is cancelled or fails.
template <class Out>
Task<Status> copy(Board& board, std::uint64_t& position, Out& out) {
  for (;;) {
    const std::uint64_t seen = board.changes().count();  // before `write_new`, so that no change is missed
    if (Status status = co_await write_new(board, position, out); !status.ok()) co_return status;
    co_await board.changes().past(seen);
  }
}
// [/copy]

}  // namespace fan_out
