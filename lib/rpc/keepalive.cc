#include "rpc/keepalive.h"

#include <algorithm>

#include "rpc/client_connection.h"

namespace ringrpc {
namespace {

constexpr std::uint64_t keepalive_ping = 0x616c697665;

/// "20 s", "1500 ms".
std::string in_words(Nanoseconds time) {
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  return milliseconds % 1000 == 0 ? std::to_string(milliseconds / 1000) + " s"
                                  : std::to_string(milliseconds) + " ms";
}

}  // namespace

Keepalive::Keepalive(ClientConnection& connection, Nanoseconds time, const ChannelOptions& options) noexcept
    : connection_(connection),
      time_(time),
      timeout_(options.keepalive_timeout),
      without_calls_(options.keepalive_without_calls) {}

void Keepalive::on_activity() {
  if (time_ <= Nanoseconds::zero()) return;
  Shard& shard = connection_.shard();
  last_activity_ = shard.now();
  if (armed() && !std::exchange(pinging_, false)) return;  // the timer sees how long it has been
  shard.timers().arm(*this, after(shard.now(), time_));
}

void Keepalive::on_call() {
  if (time_ <= Nanoseconds::zero() || armed()) return;
  Shard& shard = connection_.shard();
  shard.timers().arm(*this, std::max(shard.now(), after(last_activity_, time_)));
}

void Keepalive::on_time() {
  Shard& shard = connection_.shard();
  if (pinging_) {
    return connection_.give_up(Status(
        Code::UNAVAILABLE, "keepalive: no answer from " + connection_.peer() + " in " + in_words(timeout_),
        Initiator::peer));
  }
  const Instant due = after(last_activity_, time_);
  if (shard.now() < due) return shard.timers().arm(*this, due);
  if (!without_calls_ && connection_.session().open_streams() == 0) return;
  pinging_ = true;
  connection_.session().ping(keepalive_ping);
  connection_.flush_soon();
  shard.timers().arm(*this, after(shard.now(), timeout_));
}

}  // namespace ringrpc
