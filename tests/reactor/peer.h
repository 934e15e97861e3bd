/// One end of a connection in a test: sends what the test passes, keeps what it receives, and checks the
/// rules of reactor/io.h meanwhile.
///
///   Peer peer(simulation.shard(0), std::move(fd));
///   peer.start();
///   peer.send("hello");
///   simulation.run_until([&] { return peer.ended.has_value(); });
#pragma once

#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/slab.h"
#include "reactor/io.h"
#include "reactor/shard.h"

namespace ringrpc {

class Peer final : ByteStream::Handler {
 public:
  Peer(Shard& shard, UniqueFd fd) : Peer(shard, shard.io().adopt(std::move(fd))) {}
  Peer(Shard& shard, std::unique_ptr<ByteStream> stream) : shard_(shard), stream_(std::move(stream)) {}
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() {
    calling_ = true;
    stream_.reset();
  }

  std::string received;
  std::optional<int> ended;       ///< the argument of on_receive_end
  std::optional<int> send_error;  ///< the argument of on_sent, if not 0
  unsigned deliveries = 0;
  /// Called after each event; may destroy the peer.
  std::function<void()> on_event;

  void start() {
    call([this] { stream_->start(*this); });
  }
  void pause() {
    call([this] { stream_->pause_receiving(); });
  }
  void resume() {
    call([this] { stream_->resume_receiving(); });
  }

  /// Queues bytes after those that are not sent yet.
  void send(std::string_view bytes) {
    to_send_.append(bytes);
    flush();
  }
  /// Sends the chain as it is. No other send may be in progress.
  void send(Chain chain) {
    CHECK(unsent_bytes() == 0);
    in_flight_bytes_ = chain.size();
    call([&] { stream_->send(std::move(chain)); });
  }
  /// Ends the sending direction after the queued bytes.
  void finish() {
    finishing_ = true;
    flush();
  }
  std::size_t unsent_bytes() const noexcept { return to_send_.size() + in_flight_bytes_; }
  bool finished() const noexcept { return shut_down_; }
  const ByteStream& stream() const noexcept { return *stream_; }

 private:
  void on_received(Bytes bytes) override {
    check_event();
    CHECK_FALSE(bytes.empty());
    CHECK_FALSE(ended);
    received.append(as_text(bytes));
    ++deliveries;
    if (on_event) on_event();
  }

  void on_receive_end(int error) override {
    check_event();
    CHECK_FALSE(ended);
    ended = error;
    if (on_event) on_event();
  }

  void on_sent(int error) override {
    check_event();
    CHECK(in_flight_bytes_ > 0);
    in_flight_bytes_ = 0;
    if (error != 0) {
      send_error = error;
      to_send_.clear();
    }
    flush();
    if (on_event) on_event();
  }

  void flush() {
    if (in_flight_bytes_ > 0 || send_error || shut_down_) return;
    if (!to_send_.empty()) {
      Chain chain(shard_.slabs());
      chain.append(as_bytes(to_send_));
      in_flight_bytes_ = to_send_.size();
      to_send_.clear();
      call([&] { stream_->send(std::move(chain)); });
    } else if (finishing_) {
      shut_down_ = true;
      call([&] { stream_->shutdown_send(); });
    }
  }

  template <class Call>
  void call(Call call) {
    calling_ = true;
    call();
    calling_ = false;
  }

  void check_event() {
    CHECK_FALSE(calling_);
    CHECK(Shard::current() == &shard_);
  }

  Shard& shard_;
  std::unique_ptr<ByteStream> stream_;
  std::string to_send_;
  std::size_t in_flight_bytes_ = 0;
  bool finishing_ = false;
  bool shut_down_ = false;
  bool calling_ = false;
};

}  // namespace ringrpc
