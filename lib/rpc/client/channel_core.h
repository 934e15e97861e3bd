/// A channel on one shard: the calls that wait, and the connections that take them.
///
/// 1. `submit` gives a call to the first connection with room for another stream; where there is none the
///    call queues.
/// 2. While calls queue, or somebody waits for a connection, `run` attaches them as connections get room, and
///    opens another: one attempt at a time, up to `max_connections`, with waits between those that fail
///    (connect_backoff.h).
/// 3. While nothing is connected and an attempt has just failed, calls fail with its cause instead of
///    queueing, but for those that wait for readiness.
/// 4. A server that says goodbye before it has taken a call may be one that is being replaced: it is asked
///    again at once, but not twice in a row.
/// 5. A connection that the server has told to go takes no more calls and ends with its last one; one that is
///    not needed any more is told by us.
///
/// Everything that changes asks for `run`, which sees to all that is due at once, from the ready list. So no
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
#include "rpc/client/channel_shared.h"
#include "rpc/client/client_call.h"
#include "rpc/client/client_connection.h"
#include "rpc/client/connect_attempt.h"
#include "rpc/client/connect_backoff.h"
#include "rpc/client/connect_wait.h"
#include "rpc/connection/keepalive.h"

namespace ringrpc {

class InterceptedCall;
struct HeldCallTag;

/// What a request begins with, in memory that the next one uses again.
struct RequestHeaders {
  http2::Headers fields;
  std::deque<std::string> encoded;  ///< values that are not in the metadata as they are sent
};

class ChannelCore final : public ShardLocal, private Ready, private Timer {
 public:
  ChannelCore(Shard& shard, std::shared_ptr<ChannelShared> shared);
  /// Calls that remain end with CANCELLED.
  ~ChannelCore() override;

  /// What calls of a channel get that was closed.
  static Status closed(const std::string& target) noexcept;

  /// Takes up a call: at once where there is a connection with room, else when there is.
  void submit(ClientCallImpl& call);
  /// Takes up a call again that the server has not begun.
  void submit_again(ClientCallImpl& call);
  /// An interceptor holds this call before its beginning: the channel does not end without it. False where
  /// the channel closes already.
  bool hold(InterceptedCall& call) noexcept;
  /// A call is held no longer.
  void left_hold() noexcept;
  /// A call that was held wants to begin: refused where the channel closes.
  Status admit_held();
  /// Tells `wait`, later, when there is a connection or why there will be none.
  void submit(ConnectWait& wait);
  /// A call has left the queue, from wherever.
  void left_queue() noexcept { --queued_; }
  /// What a call waits for that is in the queue, for the message of its deadline.
  std::string describe_wait() const;

  /// No new calls; is dropped from its shard when those it has are finished, after `patience` at the latest.
  void close(Nanoseconds patience);

  /// Something has changed: sees to it in this turn.
  void run_soon() noexcept { shard_.ready().push(*this); }
  /// A batch of input has been taken, which may have made room.
  void on_input() noexcept {
    if (queued_ > 0) run_soon();
  }
  /// The connection has ended; it is destroyed here.
  void on_connection_lost(ClientConnection& connection, const Status& why) noexcept;
  /// The attempt under way has failed; it is destroyed here.
  void on_attempt_failed(Status why) noexcept;
  /// The server finds that it is asked for signs of life too often.
  void slow_keepalive() noexcept { keepalive_rule_.time *= 2; }

  Shard& shard() noexcept { return shard_; }
  const std::string& target() const noexcept { return shared_->target(); }
  const std::string& authority() const noexcept { return shared_->authority(); }
  std::string_view scheme() const noexcept { return shared_->scheme(); }
  std::string_view user_agent() const noexcept;
  /// What calls are made over: `carrier`, or TLS on it.
  std::unique_ptr<ByteStream> secure(std::unique_ptr<ByteStream> carrier) {
    return shared_->secure(shard_, std::move(carrier));
  }
  const ChannelOptions& options() const noexcept { return shared_->options(); }
  const http2::Limits& limits() const noexcept { return limits_; }
  /// Room for the headers of the request that is being sent, so that each need not find its own.
  RequestHeaders& request_headers() noexcept {
    request_headers_.encoded.clear();
    return request_headers_;
  }
  const ConnectionTimeouts& timeouts() const noexcept { return timeouts_; }
  const KeepaliveRule& keepalive_rule() const noexcept { return keepalive_rule_; }

 private:
  void run() override;
  void on_time() override { run_soon(); }

  void see_to_all();
  void give_up_step(Status why) noexcept;
  bool attach(ClientCallImpl& call);
  void enqueue(ClientCallImpl& call);
  void settle_attempt();
  void sort_out_leaving();
  void attach_waiting();
  void grow();
  void note_idle();
  void retire_idle();
  Instant next_event() const;
  bool over() const noexcept;

  bool wanted() const noexcept;
  bool usable() const noexcept;
  bool may_grow() const noexcept;
  void failed(Status why) noexcept;
  void fail_impatient() noexcept;
  void end_connect_waits(const Status& status) noexcept;
  Status unreachable() const noexcept;
  bool was_useless(const ClientConnection& connection) const noexcept;

  Shard& shard_;
  const std::shared_ptr<ChannelShared> shared_;
  http2::Limits limits_;
  ConnectionTimeouts timeouts_;
  KeepaliveRule keepalive_rule_;

  RequestHeaders request_headers_;
  ListOf<ClientCallImpl, ClientCallTag> waiting_;
  std::size_t queued_ = 0;  // length of waiting_
  ListOf<InterceptedCall, HeldCallTag> held_;
  std::uint64_t refused_ = 0;  // of those, for the sake of closing
  ListOf<ConnectWait, ConnectWaitTag> connect_waits_;
  std::vector<std::unique_ptr<ClientConnection>> connections_;
  std::vector<std::unique_ptr<ClientConnection>> leaving_;  // take no more calls, finish those they have
  std::unique_ptr<ConnectAttempt> attempt_;
  ConnectBackoff backoff_;
  Status last_failure_;
  bool turned_away_ = false;    // the last connection that was told to go had taken no call
  bool second_chance_ = false;  // the attempt was begun for that reason
  bool closing_ = false;
  Instant close_by_ = never;
};

}  // namespace ringrpc
