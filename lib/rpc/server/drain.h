/// Drains a server connection: the client opens no more calls on it, and those in flight finish (RFC 9113,
/// 6.8).
///
///   serving --- begin() ---> announced --- PING acknowledged, or 5 s ---> final
///      |                         |                                          ^
///      +-------------------------+------------- on_half_close() -----------+
///
/// `begin` sends a GOAWAY that still allows every stream, and a PING. The acknowledgement shows that the
/// client has seen the GOAWAY, and that the calls that it had opened before have arrived. Then the second
/// GOAWAY names the last stream. The session ends once its streams have.
///
/// Belongs to its connection.
#pragma once

#include <cstdint>

#include "reactor/timer.h"

namespace ringrpc {

class Connection;

class Drain final : Timer {
 public:
  explicit Drain(Connection& connection) noexcept : connection_(connection) {}

  /// No effect once the drain has begun.
  void begin();
  void on_ping_ack(std::uint64_t opaque);
  /// The client has half-closed the connection. It acknowledges no PING, and the session sends the GOAWAY.
  void on_half_close() noexcept;

  bool begun() const noexcept { return state_ != State::serving; }

 private:
  enum class State : std::uint8_t { serving, announced, final };

  void on_time() override;
  void finish();
  void enter(State next) noexcept;

  Connection& connection_;
  State state_ = State::serving;
};

}  // namespace ringrpc
