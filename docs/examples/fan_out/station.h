/// A service whose clients watch one board, and talk in rooms.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "ringrpc/event_count.h"
#include "ringrpc/sleep.h"
#include "ringrpc/when.h"

#include "board.h"
#include "rooms.h"

namespace fan_out {

// [presence]
/// Counts a client for as long as its handler exists.
class Presence {
 public:
  explicit Presence(std::atomic<int>& count) : count_(count) { ++count_; }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;
  ~Presence() { --count_; }

 private:
  std::atomic<int>& count_;
};
// [/presence]

class Station final : public Weather::Service {
 public:
  explicit Station(Board& board) : board_(board) {}

  /// The number of clients that watch.
  int present() const { return present_; }
  std::size_t rooms() const { return rooms_.count(); }

  Task<Result<Reading>> GetReading(Call&, GetReadingRequest) override {
    auto latest = board_.latest();
    if (!latest) co_return fail(Code::NOT_FOUND, "no reading has been posted yet");
    co_return *std::move(latest);
  }

  // [watch]
  Task<Status> Watch(Call& call, WatchRequest, Writer<Reading>& out) override {
    const Presence presence(present_);  // destroyed however the call ends
    std::uint64_t position = board_.end();
    call.send_initial_metadata();  // the client misses nothing that is posted from now on
    const auto first = co_await when_any(copy(board_, position, out), call.until_stopping());
    if (first.index() == 0) co_return std::get<0>(first);
    co_return fail(Code::UNAVAILABLE, "the server is shutting down");
  }
  // [/watch]

  // [exchange]
  Task<Status> Exchange(Call& call, Reader<Reading>& in, Writer<Reading>& out) override {
    const Rooms::Place place(rooms_, std::string(call.metadata().find("room").value_or("lobby")));
    Board& board = place.board();
    std::uint64_t position = board.end();
    call.send_initial_metadata();
    const auto first =
        co_await when_any(receive(in, board), copy(board, position, out), call.until_stopping());
    switch (first.index()) {
      case 0:  // the client has half-closed the call: it still gets all that was posted before
        co_return co_await write_new(board, position, out);
      case 1:
        co_return std::get<1>(first);
      default:
        co_return fail(Code::UNAVAILABLE, "the server is shutting down");
    }
  }

  /// Posts the client's readings until it has half-closed the call.
  static Task<> receive(Reader<Reading>& in, Board& board) {
    while (auto reading = co_await in.next()) board.post(*std::move(reading));
  }
  // [/exchange]

 private:
  Board& board_;
  std::atomic<int> present_ = 0;
  Rooms rooms_;
};

// [sample]
/// Posts a reading in each period until `stop` is notified.
inline Task<> sample(Board& board, EventCount& stop, Nanoseconds period) {
  while (stop.count() == 0) {
    Reading reading;
    reading.set_station("harbour");
    reading.set_celsius(11.5);
    board.post(std::move(reading));
    co_await stop.past(0, period);  // ends early when `stop` is notified
  }
}
// [/sample]

}  // namespace fan_out
