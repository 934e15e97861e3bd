#include "rpc/server/connection_drain.h"

#include <cassert>
#include <chrono>

#include "rpc/connection/connection.h"

namespace ringrpc {
namespace {

constexpr std::uint64_t drain_ping = 0x647261696e;  // "drain"
constexpr std::chrono::seconds drain_ping_timeout{5};

}  // namespace

void ConnectionDrain::enter(State next) noexcept {
  assert(state_ < next && (state_ != State::input_ended || next == State::final));
  state_ = next;
}

void ConnectionDrain::begin() {
  if (begun()) return;
  if (state_ == State::input_ended) {
    enter(State::final);
  } else {
    announce();
  }
  while (Ready* const waiting = waiting_.pop_front()) connection_.shard().ready().push(*waiting);
}

void ConnectionDrain::announce() {
  enter(State::announced);
  connection_.session().announce_shutdown(drain_ping);
  connection_.shard().timers().arm(*this, after(connection_.shard().now(), drain_ping_timeout));
  connection_.flush_soon();
}

void ConnectionDrain::on_ping_ack(std::uint64_t opaque) {
  if (opaque == drain_ping && state_ == State::announced) finish();
}

void ConnectionDrain::on_time() {
  connection_.contain([this] { finish(); });
}

void ConnectionDrain::finish() {
  cancel();
  enter(State::final);
  connection_.session().goaway(http2::ErrorCode::no_error);
  connection_.flush_soon();
}

void ConnectionDrain::on_input_end() noexcept {
  cancel();
  if (state_ == State::serving) enter(State::input_ended);
  if (state_ == State::announced) enter(State::final);
}

}  // namespace ringrpc
