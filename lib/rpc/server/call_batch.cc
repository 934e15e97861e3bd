#include "rpc/server/call_batch.h"

#include <cassert>
#include <chrono>

#include "rpc/server/server_connection.h"

namespace ringrpc {
namespace {

/// The time for which handlers are started at the end of a batch of input.
constexpr std::chrono::milliseconds batches_length{2};
/// The length of a turn.
constexpr std::chrono::milliseconds batch_turn_length{1};
/// The clock is read after messages of this size have been parsed …
constexpr std::size_t timed_bytes = 16 * 1024;
/// … to which each call adds this much for its handler.
constexpr std::size_t handler_bytes = 1024;

}  // namespace

void CallBatch::enter(State next) noexcept {
  assert(next != state_ && (state_ != State::waiting || next == State::idle));
  state_ = next;
}

void CallBatch::serve() {
  assert(state_ != State::running);
  if (state_ == State::waiting) return keep();
  run_until(after(connection_.shard().now(), batches_length));
}

/// The turn has come.
void CallBatch::run() {
  assert(state_ == State::waiting);
  enter(State::idle);
  connection_.contain([this] {
    if (!connection_.lost()) run_until(after(connection_.shard().io().now(), batch_turn_length));
  });
}

/// Serves at least one call.
void CallBatch::run_until(Instant end) {
  parsed_bytes_ = 0;
  enter(State::running);
  while (ServerCall* call = calls_.pop_front()) {
    call->contain([call] { call->on_batch(); });
    parsed_bytes_ += handler_bytes;
    if (parsed_bytes_ < timed_bytes || calls_.empty()) continue;
    parsed_bytes_ = 0;
    if (const Instant now = connection_.shard().io().now(); now >= end) {
      if (!turns().take()) return wait_for_turn();
      end = after(now, batch_turn_length);
    }
  }
  enter(State::idle);
}

bool CallBatch::may_go_on(ServerCall& call) {
  if (parsed_bytes_ < timed_bytes) return true;
  join(call);
  if (state_ != State::idle) return false;
  (void)turns().take();  // so that the end of this turn hands out the next ones
  wait_for_turn();
  return false;
}

/// Copies the input that the waiting calls borrow.
void CallBatch::keep() noexcept {
  calls_.for_each([](ServerCall& call) {
    call.contain([&call] {
      call.keep_batch();
      call.check_room();
    });
  });
}

TurnGate& CallBatch::turns() {
  static constexpr char name = 0;
  return TurnGate::of(connection_.shard(), &name, 1);
}

void CallBatch::wait_for_turn() {
  keep();
  turns().wait(*this, connection_.address());
  enter(State::waiting);
}

}  // namespace ringrpc
