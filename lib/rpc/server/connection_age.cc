#include "rpc/server/connection_age.h"

#include <algorithm>

#include "rpc/server/server_connection.h"

namespace ringrpc {

ConnectionAge::ConnectionAge(ServerConnection& connection, const AgeRule& rule, Nanoseconds age) noexcept
    : connection_(connection),
      rule_(rule),
      age_due_(after(connection.shard().now(), age)),
      idle_since_(connection.shard().now()) {}

void ConnectionAge::start() { arm(); }

/// The timer need not be moved: while there are calls, it fires after each time of `idle` and checks again.
void ConnectionAge::on_idle() noexcept { idle_since_ = connection_.shard().now(); }

Instant ConnectionAge::idle_due() const noexcept {
  if (connection_.draining()) return never;
  return after(connection_.calls_in_flight() > 0 ? connection_.shard().now() : idle_since_, rule_.idle);
}

void ConnectionAge::arm() { connection_.shard().timers().arm(*this, std::min(age_due_, idle_due())); }

void ConnectionAge::on_time() {
  connection_.contain([this] { check(); });
}

void ConnectionAge::check() {
  const Instant now = connection_.shard().now();
  if (now >= age_due_) {
    if (aged_)
      return connection_.abort(Status(Code::UNAVAILABLE,
                                      "the grace period after the connection's maximum age has ended",
                                      Initiator::library));
    aged_ = true;
    age_due_ = after(now, rule_.grace);
    connection_.drain();
  } else if (now >= idle_due()) {
    connection_.drain();
  }
  arm();
}

}  // namespace ringrpc
