#include "rpc/connection/keepalive.h"

#include <algorithm>
#include <string>
#include <utility>

#include "rpc/connection/connection.h"

namespace ringrpc {
namespace {

constexpr std::uint64_t keepalive_ping = 0x616c697665;  // "alive"

/// "20 s", "1500 ms".
std::string in_words(Nanoseconds time) {
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  return milliseconds % 1000 == 0 ? std::to_string(milliseconds / 1000) + " s"
                                  : std::to_string(milliseconds) + " ms";
}

}  // namespace

void Keepalive::on_activity() {
  if (rule_.time <= Nanoseconds::zero()) return;
  Shard& shard = connection_.shard();
  last_activity_ = shard.now();
  if (armed() && !std::exchange(pinging_, false)) return;  // the timer sees how long it has been
  shard.timers().arm(*this, after(shard.now(), rule_.time));
}

void Keepalive::on_call() {
  if (rule_.time <= Nanoseconds::zero() || armed()) return;
  Shard& shard = connection_.shard();
  shard.timers().arm(*this, std::max(shard.now(), after(last_activity_, rule_.time)));
}

void Keepalive::stop() noexcept {
  rule_.time = Nanoseconds::zero();
  cancel();
}

void Keepalive::on_time() {
  connection_.contain([this] { check(); });
}

void Keepalive::check() {
  Shard& shard = connection_.shard();
  if (pinging_)
    return connection_.abandon(
        Status(Code::UNAVAILABLE,
               "keepalive: no response from " + connection_.peer() + " in " + in_words(rule_.timeout),
               Initiator::peer));
  const Instant due = after(last_activity_, rule_.time);
  if (shard.now() < due) return shard.timers().arm(*this, due);
  if (!rule_.without_calls && connection_.session().open_streams() == 0) return;
  pinging_ = true;
  connection_.session().ping(keepalive_ping);
  ++connection_.counts().keepalives_sent;
  connection_.flush_soon();
  shard.timers().arm(*this, after(shard.now(), rule_.timeout));
}

}  // namespace ringrpc
