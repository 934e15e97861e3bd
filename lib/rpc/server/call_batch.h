/// The calls of a connection that have something to do: a handler to start, or input for one that waits.
///
///   batch.join(call);    // for each event of a call
///   batch.serve();       // at the end of a batch of input: call.on_batch()
///
/// 1. `serve` starts and resumes handlers for up to 2 ms, which is all that most clients ever need.
/// 2. The remaining calls wait for their connection's turn. Connections that wait take turns of 1 ms, one in
///    each turn of the shard, so that a client with many calls delays another client by one turn.
/// 3. The clock is read once a certain amount of messages has been parsed, not after each call.
///
///   idle ---> running ---> waiting       waiting: for the turn; from idle too, for a call that may not go on
///    ^           |            |
///    +-----------+------------+
///
/// Belongs to its connection.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ringrpc/clock.h"

#include "reactor/intrusive_list.h"
#include "reactor/turn_gate.h"
#include "rpc/server/server_call.h"

namespace ringrpc {

class ServerConnection;

class CallBatch final : TurnGate::Waiter {
 public:
  explicit CallBatch(ServerConnection& connection) noexcept : connection_(connection) {}

  /// No effect on a call that has joined already.
  void join(ServerCall& call) noexcept {
    if (!call.ListNodeOf<BatchTag>::linked()) calls_.push_back(call);
  }

  /// A message that takes `bytes` of memory is about to be parsed. Its memory is the
  /// measure of its parsing time.
  void count_parsed(std::size_t bytes) noexcept { parsed_bytes_ += bytes; }

  /// True if the handler of `call` may read its next message now. If much has been parsed since the
  /// clock was last read, the call joins the next batch, where the clock is read and other connections
  /// may have their turn first.
  bool may_go_on(ServerCall& call);

  /// Starts and resumes handlers. The input that calls borrow must stay valid until this returns.
  /// Not from inside a handler.
  void serve();

 private:
  enum class State : std::uint8_t { idle, running, waiting };

  /// Asserts that the drawing has this step.
  void enter(State next) noexcept;

  void run() override;
  void run_until(Instant end);
  void keep() noexcept;
  TurnGate& turns();
  void wait_for_turn();

  ServerConnection& connection_;
  ListOf<ServerCall, BatchTag> calls_;
  State state_ = State::idle;
  std::size_t parsed_bytes_ = 0;  // since the clock was last read
};

}  // namespace ringrpc
