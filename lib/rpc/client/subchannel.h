/// The connections of a channel to one address, on one shard.
///
/// 1. `connect` begins an attempt to connect (connect_attempt.h); one at a time, with a backoff after a
///    failed one (backoff_state.h). After a failure the next attempts follow by themselves, and the subchannel
///    is in transient failure until it is ready (gRFC A62), or released.
/// 2. `room` gives a connection that can take a call. While calls wait for room, `grow` opens further
///    connections, up to `max_connections`. A further connection that has been idle for `idle_timeout` ends.
/// 3. A connection on which the server has sent GOAWAY takes no more calls and ends with its last one. A
///    server that sends GOAWAY before it has accepted a call may be about to be replaced: the next attempt is
///    made at once, but not twice in a row.
/// 4. `release` ends its connections as they become idle, until `connect`. `retire` takes it from the
///    balancer, and `dismiss` then ends them, too.
/// 5. If the channel checks health, a HealthWatch on the first connection decides whether the address is ready.
///
///   in_use ⇄ released
///      │        │
///      └────────┴──▶ retired ──▶ dismissed
///
/// The connection that it would have besides:
///
///   none ──▶ wanted ──▶ attempted ──▶ none     from `wanted` back to `none` if no call needs it any more
///
/// Every event that changes something schedules `run`, which does everything that is due, from the ready
/// list. So no connection is destroyed inside its own events. Belongs to its ShardChannel.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/load_balancing.h"
#include "ringrpc/status.h"

#include "reactor/shard.h"
#include "rpc/channelz/registry.h"
#include "rpc/client/client_connection.h"
#include "rpc/client/connect_attempt.h"
#include "rpc/client/health_watch.h"
#include "rpc/client/peer_name.h"
#include "rpc/connection/keepalive.h"
#include "rpc/naming/backoff_state.h"
#include "rpc/naming/endpoint.h"

namespace ringrpc {

class ShardChannel;

struct DialTag;

/// On its channel's list of those that will connect while it waits for its turn.
class Subchannel final : public Backend,
                         public channelz::Part,
                         public ListNodeOf<DialTag>,
                         private Ready,
                         private Timer {
 public:
  Subchannel(ShardChannel& channel, Endpoint endpoint);
  Subchannel(const Subchannel&) = delete;
  Subchannel& operator=(const Subchannel&) = delete;
  ~Subchannel() override;

  const Endpoint& endpoint() const noexcept { return endpoint_; }

  // Backend and channelz::Part
  const std::string& address() const noexcept override { return endpoint_.name; }
  Connectivity state() const noexcept override { return state_; }
  bool has_room() const noexcept override;
  std::size_t calls_in_flight() const noexcept override;
  CallCounts calls_ended() const noexcept override;
  void connect() noexcept override;
  void release() noexcept override;
  void pick_again() noexcept override;
  channelz::CallTotals calls() const override;
  std::uint32_t max_connections() const override;

  /// The first connection with room for another stream; null if there is none, or the server is not healthy.
  ClientConnection* room() noexcept {
    if (state_ != Connectivity::ready) return nullptr;
    for (const auto& connection : connections_)
      if (connection->has_room()) return connection.get();
    return nullptr;
  }
  /// Calls wait for room.
  void grow() noexcept;
  /// It gets no more calls. Call once.
  void retire() noexcept { enter(Tenure::retired); }
  /// Ends the connections of a retired one. False if it was called before.
  bool dismiss() noexcept {
    if (tenure_ == Tenure::dismissed) return false;
    enter(Tenure::dismissed);
    run_soon();
    return true;
  }
  bool retired() const noexcept { return tenure_ >= Tenure::retired; }
  /// True if it has no connection, and makes none.
  bool over() const noexcept { return !attempt_ && connections_.empty() && leaving_.empty(); }

  /// The connections that may get calls.
  std::size_t connections() const noexcept { return connections_.size(); }
  /// The calls under way.
  std::uint64_t calls_under_way() const noexcept;
  /// Why it is in transient failure.
  const Status& failure() const noexcept {
    return health_ && !health_->failure().ok() ? health_->failure() : failure_;
  }

  /// Something has changed: schedules `run` in this turn.
  void run_soon() noexcept { shard_.ready().push(*this); }
  /// Ends the calls with `why`. Nothing but the destructor may follow.
  void detach_calls(const Status& why) noexcept;

  // For its attempt and its connections.
  /// The connection was lost; it is destroyed here.
  void on_connection_lost(ClientConnection& connection, const Status& why) noexcept;
  /// The attempt under way has failed; it is destroyed here. The message of `why` does not name the address,
  /// unless there was no memory for it.
  void on_attempt_failed(const Status& why) noexcept;
  /// The server has sent GOAWAY with "too_many_pings" (gRFC A8): keepalive PINGs become half as frequent.
  void slow_keepalive() noexcept { keepalive_rule_.time *= 2; }

  /// The status of an attempt that has failed for this reason, or of a server that is not healthy. Names the
  /// address unless the target is the address itself.
  Status unreachable(const Status& why) const noexcept;

  ShardChannel& channel() noexcept { return channel_; }
  Shard& shard() noexcept { return shard_; }
  /// The address, for its calls.
  const PeerName& peer_name() const noexcept { return peer_; }
  const KeepaliveRule& keepalive_rule() const noexcept { return keepalive_rule_; }
  /// The stream that carries the calls: `carrier`, or TLS on it.
  std::unique_ptr<ByteStream> secure(std::unique_ptr<ByteStream> carrier) const;

 private:
  enum class Tenure : std::uint8_t { in_use, released, retired, dismissed };
  /// `attempted` while there is an attempt.
  enum class Further : std::uint8_t { none, wanted, attempted };

  /// Asserts that the drawing has this step.
  void enter(Tenure next) noexcept;
  void enter(Further next) noexcept;

  void run() override;
  void on_time() override { run_soon(); }

  void do_what_is_due();
  void give_up_step(Status why) noexcept;
  void settle_attempt();
  void sort_out_leaving();
  void begin_attempt();
  void end_attempt() noexcept;
  void watch_health();
  void end_health_watch() noexcept;
  void note_idle();
  void retire_idle();
  void update_state() noexcept;
  Connectivity observe_state() const noexcept;
  Connectivity observe_connections() const noexcept;
  Connectivity observe_health() const noexcept;
  Instant next_event() const noexcept;

  bool usable() const noexcept;
  bool unneeded() const noexcept;
  void failed(Status why) noexcept;
  bool was_useless(const ClientConnection& connection) const noexcept;
  void count_end(const ClientConnection& connection) noexcept;
  void trace_end(const ClientConnection& connection, const Status& why) noexcept;

  ShardChannel& channel_;
  Shard& shard_;
  const Endpoint endpoint_;
  const PeerName peer_;
  KeepaliveRule keepalive_rule_;

  Connectivity state_ = Connectivity::idle;
  std::vector<std::unique_ptr<ClientConnection>> connections_;
  std::vector<std::unique_ptr<ClientConnection>> leaving_;  // take no more calls, finish those they have
  std::unique_ptr<ConnectAttempt> attempt_;
  std::unique_ptr<HealthWatch> health_;  // of the first of connections_; null if health is not checked
  BackoffState backoff_;
  Status failure_;                     // the last one since it was ready
  bool failing_ = false;               // it has failed since it was ready or released
  channelz::CallTotals calls_before_;  // on connections that have ended
  Tenure tenure_ = Tenure::in_use;
  Further further_ = Further::none;
  bool turned_away_ = false;  // the last connection with a GOAWAY had taken no call
};

}  // namespace ringrpc
