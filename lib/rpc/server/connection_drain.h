/// Drains a server connection: the client opens no more calls on it, and those in
/// flight finish (RFC 9113, 6.8).
///
///   serving ------- begin() ----------> announced --- PING acknowledged, or 5 s, ---> final
///      |                                                or on_input_end()               ^
///      +--- on_input_end() ---> input_ended ------------------ begin() -----------------+
///
/// 1. `begin` sends a GOAWAY that still allows every stream, and a PING, and resumes the calls that wait for
///    the drain (Call::until_stopping).
/// 2. The acknowledgement of the PING shows that the client has seen the GOAWAY, and that the calls it opened
///    before have arrived. The second GOAWAY names the last stream.
/// 3. The session ends once its streams have ended.
///
/// A client whose input has ended acknowledges no PING and can open no calls: it has half-closed the connection, or the
/// connection lingers. The session sends a half-closed client a GOAWAY by itself.
///
/// Belongs to its connection.
#pragma once

#include <coroutine>
#include <cstdint>

#include "reactor/ready_list.h"
#include "reactor/timer.h"

namespace ringrpc {

class Connection;

class ConnectionDrain final : Timer {
 public:
  explicit ConnectionDrain(Connection& connection) noexcept : connection_(connection) {}

  /// No effect once the drain has begun.
  void begin();
  void on_ping_ack(std::uint64_t opaque);
  void on_input_end() noexcept;

  bool begun() const noexcept { return state_ == State::announced || state_ == State::final; }

  /// A coroutine that waits for `begin`. Resumed from the ready list.
  class [[nodiscard("co_await it")]] Wait {
   public:
    explicit Wait(ConnectionDrain& drain) noexcept : drain_(drain) {}

    bool await_ready() const noexcept { return drain_.begun(); }
    void await_suspend(std::coroutine_handle<> waiting) noexcept {
      waiting_.set(waiting);
      drain_.waiting_.push_back(waiting_);
    }
    void await_resume() const noexcept {}

   private:
    ConnectionDrain& drain_;
    ReadyCoroutine waiting_;
  };
  Wait begins() noexcept { return Wait(*this); }

 private:
  enum class State : std::uint8_t { serving, input_ended, announced, final };

  void on_time() override;
  void announce();
  void finish();
  void enter(State next) noexcept;

  Connection& connection_;
  State state_ = State::serving;
  ListOf<Ready, ReadyTag> waiting_;  // moved to the shard's ready list when the drain begins
};

}  // namespace ringrpc
