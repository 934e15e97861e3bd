/// A server call and its messages without a connection: the test plays the client, and calls the handler.
///
///   testing::FakeCall call("/echo.v1.EchoService/Echo");
///   call.time_limit = call.now() + 2s;
///   Result<EchoResponse> response = world.run(server.Echo(call, request));
///
/// Unlike a call through a channel, it tests a handler on its own, with any deadline and any peer. A handler
/// that streams gets a Reader or Writer on a FakeStream. A handler that waits needs a shard: run it in
/// testing::InProcess (ringrpc/testing/in_process.h). Belongs to one thread at a time.
#pragma once

#include "ringrpc/compiler.h"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringrpc/bytes.h"
#include "ringrpc/call.h"
#include "ringrpc/codec.h"
#include "ringrpc/service.h"
#include "ringrpc/status.h"
#include "ringrpc/stream.h"

namespace ringrpc::testing {

/// The messages of a call, as one side sees them. Waiters are resumed inside the function that makes them
/// ready: `receive`, `receive_end` or `set_room`.
class FakeStream final : public MessageStream {
 public:
  /// The other side sends a message.
  template <class T>
  void receive(const T& message) {
    std::string bytes(Codec<T>::size(message), '\0');
    Codec<T>::serialize(message, reinterpret_cast<std::uint8_t*>(bytes.data()));
    receive_bytes(std::move(bytes));
  }
  void receive_bytes(std::string bytes) {
    received_.push_back(std::move(bytes));
    wake(message_waiter_);
  }
  /// The other side will send no more.
  void receive_end() {
    ended_ = true;
    wake(message_waiter_);
  }
  /// Sets the number of messages that may be written without waiting; 1000 at first.
  void set_room(std::size_t messages) {
    room_ = messages;
    if (room_ > 0) wake(writable_waiter_);
  }

  /// The messages written so far that are a T.
  template <class T>
  std::vector<T> sent() const {
    std::vector<T> messages;
    for (const std::string& bytes : sent_)
      if (!Codec<T>::parse(messages.emplace_back(), as_bytes(bytes))) messages.pop_back();
    return messages;
  }
  std::size_t sent_count() const noexcept { return sent_.size(); }
  /// True once the call has failed here: a message that was read is not of the reader's type,
  /// or an observer refused one.
  bool rejected() const noexcept { return !failure_.ok(); }
  /// The status with which it has failed; OK if it has not.
  const Status& failure() const noexcept { return failure_; }
  bool somebody_waits() const noexcept { return message_waiter_ || writable_waiter_; }

  bool message_ready() override { return ended_ || !received_.empty(); }
  std::optional<Pieces> take_message() override {
    if (received_.empty()) return std::nullopt;
    taken_ = std::move(received_.front());
    received_.pop_front();
    piece_ = as_bytes(taken_);
    return Pieces(&piece_, 1);
  }
  void reject_message(std::string_view why = {}) override {
    fail_call(detail::unparsable("the message", why));
  }
  void fail_call(const Status& why) override {
    if (failure_.ok()) failure_ = why;
  }
  void wait_message(Waiter* waiter) override { set_waiter(message_waiter_, waiter, "next()"); }

  bool message_compressed() const noexcept override { return false; }

  std::span<std::uint8_t> reserve_message(std::size_t bytes, bool) override {
    reserved_.assign(bytes, '\0');
    return {reinterpret_cast<std::uint8_t*>(reserved_.data()), bytes};
  }
  std::span<std::uint8_t> reserve_more() override { return {}; }
  bool commit_message() override {
    sent_.push_back(std::move(reserved_));
    if (room_ > 0) --room_;
    return true;
  }
  bool writable() const override { return room_ > 0; }
  void wait_writable(Waiter* waiter) override { set_waiter(writable_waiter_, waiter, "write()"); }

 private:
  static void wake(Waiter*& waiting) {
    if (Waiter* const waiter = std::exchange(waiting, nullptr)) waiter->on_ready();
  }

  std::deque<std::string> received_;
  std::string taken_;
  Bytes piece_;
  bool ended_ = false;
  Status failure_;
  std::string reserved_;
  std::vector<std::string> sent_;
  std::size_t room_ = 1000;
  Waiter* message_waiter_ = nullptr;
  Waiter* writable_waiter_ = nullptr;
};

class FakeCall final : public Call {
 public:
  explicit FakeCall(std::string_view method, std::string_view peer = "fake:1")
      : method_(method), peer_(peer) {}

  // Input of the handler; set it before the handler runs.
  Metadata request_metadata;
  PeerIdentity identity;         ///< as TLS or a unix socket would have established it
  unsigned attempts_before = 0;  ///< those that the client has made of the call before this one
  std::string request_id_given;  ///< `request_id`
  Instant time_limit = never;    ///< the deadline, on the clock of `now`
  /// Advances the clock of `now`, which begins at one millisecond.
  void advance(Nanoseconds time) { now_ += time; }
  /// The server begins to drain. Tasks that wait in `until_stopping` are resumed inside this call.
  void stop() {
    stopping_ = true;
    while (!stop_waits_.empty()) {
      const std::coroutine_handle<> waiting = stop_waits_.front()->waiting;
      stop_waits_.pop_front();
      waiting.resume();
    }
  }

  /// The call fails with `why`, which `failure` gives from now on.
  void fail(Status why) { failure_ = std::move(why); }

  // Output of the handler.
  bool initial_metadata_sent() const noexcept { return initial_sent_; }
  Compression compression() const noexcept { return compression_; }

  std::string_view method() const noexcept override { return method_; }
  const Metadata& metadata() override { return request_metadata; }
  unsigned previous_attempts() override { return attempts_before; }
  Metadata& initial_metadata() override { return initial_; }
  void send_initial_metadata() override { initial_sent_ = true; }
  Metadata& trailing_metadata() override { return trailing_; }
  Metadata& attributes() override { return attributes_; }
  void set_compression(Compression compression) override { compression_ = compression; }
  Compression message_compression() const noexcept override { return Compression::identity; }
  std::string_view request_id() override { return request_id_given; }
  Instant deadline() const noexcept override { return time_limit; }
  Instant received_at() const noexcept override { return received_at_; }
  std::string peer() const override { return peer_; }
  PeerIdentity peer_identity() const override { return identity; }
  Status failure() const override { return failure_; }
  bool stopping() const noexcept override { return stopping_; }
  Task<> until_stopping() override { co_await StopWait(*this); }
  Instant now() const noexcept override { return now_; }

 private:
  struct [[nodiscard("co_await it")]] StopWait {
    explicit StopWait(FakeCall& of) noexcept : call(of) {}
    StopWait(const StopWait&) = delete;
    StopWait& operator=(const StopWait&) = delete;
    ~StopWait() { std::erase(call.stop_waits_, this); }

    bool await_ready() const noexcept { return call.stopping_; }
    void await_suspend(std::coroutine_handle<> handle) {
      waiting = handle;
      call.stop_waits_.push_back(this);
    }
    void await_resume() const noexcept {}

    FakeCall& call;
    std::coroutine_handle<> waiting;
  };

  std::string method_;
  std::string peer_;
  Metadata initial_;
  Metadata trailing_;
  Metadata attributes_;
  bool initial_sent_ = false;
  Compression compression_ = Compression::identity;
  Status failure_;
  bool stopping_ = false;
  std::deque<StopWait*> stop_waits_;
  Instant received_at_{Nanoseconds(1'000'000)};
  Instant now_ = received_at_;
};

}  // namespace ringrpc::testing
