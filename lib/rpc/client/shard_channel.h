/// A channel on one shard: the calls that wait, and the connections that take them.
///
/// 1. `submit` gives a call to the first connection with room for another stream; if there is none, the call
///    queues.
/// 2. While calls queue, or a ConnectWait waits for a connection, `run` gives them to connections as these get room,
///    and opens another connection: one attempt at a time, up to `max_connections`, with a backoff after a failed
///    attempt (backoff_state.h).
/// 3. While nothing is connected and an attempt has just failed, calls fail with its cause instead of
///    queueing, except those with `wait_for_ready`.
/// 4. A server that sends GOAWAY before it has accepted a call may be about to be replaced: the channel connects
///    again at once, but not twice in a row.
/// 5. A connection on which the server has sent GOAWAY takes no more calls and ends with its last one. The channel
///    sends GOAWAY on a connection that it no longer needs.
///
/// Every event that changes something schedules `run`, which does everything that is due, from the ready list. So no
/// connection is destroyed inside its own events. Belongs to its shard, which keeps it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/channel.h"

#include "http2/session.h"
#include "reactor/shard.h"
#include "rpc/channelz/registry.h"
#include "rpc/client/backoff_state.h"
#include "rpc/client/client_connection.h"
#include "rpc/client/connect_attempt.h"
#include "rpc/client/connect_wait.h"
#include "rpc/client/outgoing_call.h"
#include "rpc/client/shared_channel_state.h"
#include "rpc/connection/keepalive.h"
#include "rpc/metrics/channel_metrics.h"

namespace ringrpc {

/// The header block of a request, in memory that the next one uses again.
struct RequestHeaders {
  http2::Headers fields;
  std::deque<std::string> encoded;  ///< values that are not in the metadata as they are sent
};

class ShardChannel final : public ShardLocal, public channelz::Part, private Ready, private Timer {
 public:
  ShardChannel(Shard& shard, std::shared_ptr<SharedChannelState> shared);
  /// Calls that remain end with CANCELLED.
  ~ShardChannel() override;

  /// The status of calls on a channel that was closed.
  static Status closed(const std::string& target) noexcept;

  /// Takes a call: attempts it at once if a connection has room, otherwise as soon as one has.
  void submit(OutgoingCall& call);
  /// Takes a call again that the server has not begun to serve.
  void submit_again(OutgoingCall& call);
  /// Interceptors hold this call: the channel does not end before it. False if the channel is being closed already.
  bool hold(OutgoingCall& call) noexcept;
  /// A call is held no longer.
  void left_hold() noexcept;
  /// A call that was held is about to be submitted: refused if the channel is being closed.
  Status admit_held();
  /// Finishes `wait`, later, when there is a connection or with the reason why there will be none.
  void submit(ConnectWait& wait);
  /// A call has left the queue.
  void left_queue() noexcept {
    --queued_;
    if (metrics_) metrics_->counts.leave_queue(shard_.now());
  }
  /// Names the condition that a queued call waits for, for the message of its deadline.
  std::string describe_wait() const;

  /// Takes no more calls. The shard drops the channel when those it has are finished, after `timeout` at the latest.
  void close(Nanoseconds timeout);

  /// Something has changed: schedules `run` in this turn.
  void run_soon() noexcept { shard_.ready().push(*this); }
  /// A batch of input has been taken, which may have made room.
  void on_input() noexcept {
    if (queued_ > 0) run_soon();
  }
  /// The connection was lost; it is destroyed here.
  void on_connection_lost(ClientConnection& connection, const Status& why) noexcept;
  /// The attempt under way has failed; it is destroyed here.
  void on_attempt_failed(Status why) noexcept;
  /// The server has sent GOAWAY with "too_many_pings" (gRFC A8): keepalive PINGs become half as frequent.
  void slow_keepalive() noexcept { keepalive_rule_.time *= 2; }

  /// A call that was queued or attempted has ended.
  void count_end(bool success) noexcept { ++(success ? calls_succeeded_ : calls_failed_); }
  channelz::CallTotals calls() const override;
  channelz::Connectivity state() const override;
  std::uint32_t max_connections() const override { return std::max(options().max_connections, 1u); }

  Shard& shard() noexcept { return shard_; }
  const std::string& target() const noexcept { return shared_->target(); }
  const std::string& authority() const noexcept { return shared_->authority(); }
  std::string_view scheme() const noexcept { return shared_->scheme(); }
  std::string_view user_agent() const noexcept;
  /// The stream that carries the calls: `carrier`, or TLS on it.
  std::unique_ptr<ByteStream> secure(std::unique_ptr<ByteStream> carrier) {
    return shared_->secure(shard_, std::move(carrier));
  }
  const ChannelOptions& options() const noexcept { return shared_->options(); }
  const http2::Limits& limits() const noexcept { return limits_; }
  /// Memory for the headers of the request that is being sent.
  RequestHeaders& request_headers() noexcept {
    request_headers_.encoded.clear();
    return request_headers_;
  }
  const ConnectionTimeouts& timeouts() const noexcept { return timeouts_; }
  const KeepaliveRule& keepalive_rule() const noexcept { return keepalive_rule_; }

 private:
  void run() override;
  void on_time() override { run_soon(); }

  void do_what_is_due();
  void give_up_step(Status why) noexcept;
  bool attempt(OutgoingCall& call);
  void enqueue(OutgoingCall& call);
  void refuse(OutgoingCall& call, Status why) noexcept;
  void trace_end(const ClientConnection& connection, const Status& why) noexcept;
  void settle_attempt();
  void log_connected(const ClientConnection& connection) noexcept;
  void count_end(const ClientConnection& connection) noexcept;
  void sort_out_leaving();
  void attempt_queued();
  void grow();
  void note_idle();
  void retire_idle();
  Instant next_event() const;
  bool over() const noexcept;

  bool wanted() const noexcept;
  bool usable() const noexcept;
  bool may_grow() const noexcept;
  void failed(Status why) noexcept;
  void fail_waiting() noexcept;
  void end_connect_waits(const Status& status) noexcept;
  Status unreachable() const noexcept;
  bool was_useless(const ClientConnection& connection) const noexcept;

  Shard& shard_;
  const std::shared_ptr<SharedChannelState> shared_;
  const std::shared_ptr<ChannelMetrics> metrics_;  // null if they are off
  http2::Limits limits_;
  ConnectionTimeouts timeouts_;
  KeepaliveRule keepalive_rule_;

  std::uint64_t calls_started_ = 0;
  std::uint64_t calls_succeeded_ = 0;
  std::uint64_t calls_failed_ = 0;
  Instant last_call_;

  RequestHeaders request_headers_;
  ListOf<OutgoingCall, OutgoingCallTag> queue_;
  std::size_t queued_ = 0;  // length of queue_
  ListOf<OutgoingCall, OutgoingCallTag> held_;
  std::uint64_t refused_ = 0;  // of those, because the channel closes
  ListOf<ConnectWait, ConnectWaitTag> connect_waits_;
  std::vector<std::unique_ptr<ClientConnection>> connections_;
  std::vector<std::unique_ptr<ClientConnection>> leaving_;  // take no more calls, finish those they have
  std::unique_ptr<ConnectAttempt> attempt_;
  BackoffState backoff_;
  Status last_failure_;
  bool turned_away_ = false;    // the last connection with a GOAWAY had taken no call
  bool second_chance_ = false;  // the attempt was begun for that reason
  bool outage_ = false;         // a connection was lost, or could not be made, since one was last made
  bool closing_ = false;
  Instant close_by_ = never;
};

}  // namespace ringrpc
