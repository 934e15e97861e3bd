/// A channel on one shard: the calls that wait, and the choice of the connections that take them.
///
/// 1. `submit` gives a call to the backend that the balancer picks (ringrpc/load_balancing.h), a Subchannel,
///    if that has room for another stream; if not, the call queues.
/// 2. While calls queue, or a ConnectWait waits for a connection, `run` gives them to connections as these
///    get room, and has the balancer connect, or the ready subchannels open further connections.
/// 3. The first call looks up the names of the target, if there are any, and a NameWatch follows them then.
///    Each address becomes a Subchannel; those of an earlier look-up that are found again remain.
/// 4. The balancer says in which state the channel is; without addresses the last look-up does. From a failure
///    on until it is ready again, calls fail with the causes instead of queueing, except those with
///    `wait_for_ready`.
/// 5. After the idle timeout without a call it drops its addresses, connections and balancer, and is idle as
///    before its first call (idle_watch.h).
///
///   open ⇄ dormant        the names of a dormant channel are not followed any more; its next call looks them up
///   faulty                the target cannot be used; calls fail with the reason
///   every state ──▶ closing
///
/// Every event that changes something schedules `run`, which does everything that is due, from the ready
/// list. So no subchannel is destroyed inside its own events. Belongs to its shard, which keeps it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/channel.h"

#include "http2/session.h"
#include "observe/shard_tracer.h"
#include "reactor/shard.h"
#include "rpc/channelz/registry.h"
#include "rpc/client/call_policies.h"
#include "rpc/client/channel_core.h"
#include "rpc/client/connect_wait.h"
#include "rpc/client/idle_watch.h"
#include "rpc/client/outgoing_call.h"
#include "rpc/client/state_wait.h"
#include "rpc/client/subchannel.h"
#include "rpc/connection/connection.h"
#include "rpc/metrics/channel_metrics.h"
#include "rpc/naming/endpoint.h"
#include "rpc/naming/name_watch.h"

namespace ringrpc {

/// The header block of a request, in memory that the next one uses again.
struct RequestHeaders {
  http2::Headers fields;
  std::deque<std::string> encoded;  ///< values that are not in the metadata as they are sent
};

class ShardChannel final : public ShardLocal,
                           public channelz::Part,
                           private NameWatch::Handler,
                           private IdleWatch::Handler,
                           private Ready,
                           private TurnEnd,
                           private Timer {
 public:
  ShardChannel(Shard& shard, std::shared_ptr<ChannelCore> core);
  /// Calls that remain end with CANCELLED.
  ~ShardChannel() override;

  /// The status of calls on a channel that was closed.
  static Status closed(const std::string& target) noexcept;

  /// Takes a call: attempts it at once if a connection has room, otherwise as soon as one has.
  void submit(OutgoingCall& call);
  /// Takes a call for another attempt. `last` is its latest failure; OK if there is none.
  void submit_again(OutgoingCall& call, AttemptKind kind, unsigned attempts, const Status& last) noexcept;
  /// Keeps a call that waits for its next attempt.
  void hold_back(OutgoingCall& call) noexcept { held_.push_back(call); }
  /// Interceptors hold this call: the channel does not end before it. False if the
  /// channel is being closed already.
  bool hold(OutgoingCall& call) noexcept;
  /// A call is held no longer.
  void left_hold() noexcept;
  /// A call that was held is about to be submitted: refused if the channel is being closed.
  Status admit_held();
  /// Finishes `wait`, later, when there is a connection or with the reason why there will be none.
  void submit(ConnectWait& wait);
  /// Finishes `wait`, later, when the state is another.
  void submit(StateWait& wait);
  /// A call has left the queue.
  void left_queue() noexcept {
    --queued_;
    if (metrics_) metrics_->counts.leave_queue(shard_.now());
    if (closing()) run_soon();
  }
  /// Names the condition that a queued call waits for, for the message of its deadline.
  std::string describe_wait() const;

  /// Takes no more calls. The shard drops the channel when those it has are finished,
  /// after `timeout` at the latest.
  void close(Nanoseconds timeout);

  /// Something has changed: schedules `run` in this turn.
  void run_soon() noexcept { shard_.ready().push(*this); }
  /// A batch of input has been taken, which may have made room.
  void on_input() noexcept {
    if (queued_ > 0) run_soon();
  }

  /// A call that was queued or attempted has ended.
  void count_end(bool success) noexcept {
    ++(success ? calls_succeeded_ : calls_failed_);
    if (success) call_policies_.note_success();
  }
  CallPolicies& call_policies() noexcept { return call_policies_; }
  channelz::CallTotals calls() const override;
  Connectivity state() const override { return closing() ? Connectivity::shutdown : state_; }

  // For its subchannels.
  /// The state of `subchannel` has changed.
  void on_state(Subchannel& subchannel) noexcept;
  /// A subchannel has failed, maybe again.
  void on_failure() noexcept {
    if (failing()) note_failures();
  }
  bool has_queue() const noexcept { return queued_ > 0; }
  /// True if `subchannel` may begin to connect in this turn. If not, it runs again in a later one.
  bool may_dial(Subchannel& subchannel) noexcept;
  /// The service whose health is checked; null if health is not checked. It may change in any turn.
  const std::string* health_service() const noexcept { return health_service_ ? &*health_service_ : nullptr; }
  /// True if no call will need a connection.
  bool unneeded() const noexcept { return closing() && queued_ == 0; }
  /// A connection was lost, or could not be made.
  void note_outage() noexcept {
    outage_ = true;
    doubt_names();
  }
  /// A server seems to have gone.
  void doubt_names() noexcept {
    if (names_) names_->doubt();
  }
  void log_connected(const ClientConnection& connection) noexcept;
  void log_failed(const Status& why) noexcept;

  Shard& shard() noexcept { return shard_; }
  const ChannelCore& core() const noexcept { return *core_; }
  ChannelCore& core() noexcept { return *core_; }
  const std::string& target() const noexcept { return core_->target(); }
  const std::string& authority() const noexcept { return core_->authority(); }
  std::string_view scheme() const noexcept { return core_->scheme(); }
  std::string_view user_agent() const noexcept;
  const ChannelOptions& options() const noexcept { return core_->options(); }
  /// Of log lines that a connection is lost, cannot be made, or is there again.
  log::Level outage_level() const noexcept {
    return options().log_outages ? log::Level::info : log::Level::debug;
  }
  /// Null if they are off.
  ChannelMetrics* metrics() const noexcept { return metrics_.get(); }
  /// Null if the channel has none.
  const ShardTracer::Ref& tracer() const noexcept { return tracer_; }
  const http2::Limits& limits() const noexcept { return limits_; }
  const ConnectionTimeouts& timeouts() const noexcept { return timeouts_; }
  /// Memory for the headers of the request that is being sent.
  RequestHeaders& request_headers() noexcept {
    request_headers_.encoded.clear();
    return request_headers_;
  }

 private:
  /// Only an `open` channel takes calls without a further look.
  enum class Intake : std::uint8_t { open, dormant, faulty, closing };
  /// After a look-up: the backends are made, then the balancer is told of them.
  enum class Replacement : std::uint8_t { none, making, telling };

  bool closing() const noexcept { return intake_ == Intake::closing; }
  /// Asserts that there is such a step.
  void enter(Intake next) noexcept;
  void enter(Replacement next) noexcept;

  void run() override;
  void on_time() override { run_soon(); }
  void on_turn_end() override;
  void on_names(Result<NameWatch::Found> found) noexcept override;
  void on_look_due() noexcept override;
  bool busy() const noexcept override;
  Instant last_call() const noexcept override { return last_call_; }
  void on_idle() noexcept override;

  void do_what_is_due();
  void give_up_step(Status why) noexcept;
  Status refusal() const noexcept;
  bool admit(OutgoingCall& call) noexcept;
  Status let_wait(OutgoingCall& call);
  bool attempt(OutgoingCall& call);
  void enqueue(OutgoingCall& call);
  /// True if the names of the target were not found yet.
  bool awaits_addresses() const noexcept { return core_->resolver() && backends_.empty(); }
  void refuse(OutgoingCall& call, Status why) noexcept;
  void attempt_queued();
  bool wanted() const noexcept;
  void reach_out();
  void grow_backends() noexcept;
  struct NextBackends;
  void find_backends();
  void use_service_config(Result<std::string> json) noexcept;
  std::shared_ptr<const BalancingPolicy> policy() const noexcept;
  std::optional<std::string> health_service_of(const Balancer& balancer) const;
  Task<void> replace_backends(std::vector<Endpoint> endpoints);
  void install(NextBackends& next);
  void retire(std::vector<std::unique_ptr<Subchannel>>& backends) noexcept;
  void drop_retired();

  void update_state() noexcept;
  Connectivity observe_state() const noexcept;
  /// True if calls fail because of the backends.
  bool failing() const noexcept {
    return state_ == Connectivity::transient_failure && !backends_.empty() && shard_.now() >= give_up_until_;
  }
  Status failures() const;
  void note_failures() noexcept;
  void fail_waiting() noexcept;
  void end_connect_waits(const Status& status) noexcept;
  void end_state_waits() noexcept;
  Instant next_event() const;
  bool over() const noexcept;

  Shard& shard_;
  const std::shared_ptr<ChannelCore> core_;
  const std::shared_ptr<ChannelMetrics> metrics_;  // null if they are off
  const ShardTracer::Ref tracer_;
  http2::Limits limits_;
  ConnectionTimeouts timeouts_;

  std::uint64_t calls_started_ = 0;
  std::uint64_t calls_succeeded_ = 0;
  std::uint64_t calls_failed_ = 0;
  Instant last_call_;

  CallPolicies call_policies_;

  RequestHeaders request_headers_;
  Intake intake_;
  bool told_unneeded_ = false;  // the subchannels know that no call will need a connection
  bool outage_ = false;         // a connection was lost, or could not be made, since one was last made
  Instant close_by_ = never;

  ListOf<OutgoingCall, OutgoingCallTag> queue_;
  std::size_t queued_ = 0;  // length of queue_
  ListOf<OutgoingCall, OutgoingCallTag> held_;
  std::uint64_t refused_ = 0;  // of those, because the channel closes
  ListOf<ConnectWait, ConnectWaitTag> connect_waits_;
  ListOf<StateWait, StateWaitTag> state_waits_;

  Connectivity state_ = Connectivity::idle;
  Status last_failure_;         // why calls fail, or failed in the last outage
  bool lookup_failed_ = false;  // the latest one, and there are no addresses
  std::vector<std::unique_ptr<Subchannel>> backends_;
  std::vector<std::unique_ptr<Subchannel>> retired_;  // get no more calls, finish those they have
  std::string config_json_;  // the service config of the last look-up that had a good one
  std::shared_ptr<const BalancingPolicy> policy_;  // of the balancer; null for the default
  std::unique_ptr<Balancer> balancer_;
  std::optional<std::string> health_service_;  // as the service config and the balancer have it
  Replacement replacing_ = Replacement::none;
  std::uint64_t dial_turn_ = 0;  // the turn of `dials_`
  unsigned dials_ = 0;
  ListOf<Subchannel, DialTag> dialing_;     // in later turns
  Instant give_up_until_ = Instant::min();  // there was no memory

  std::optional<NameWatch> names_;  // of a target that has names, once a call needs them
  IdleWatch idle_watch_;
  Instant names_used_;  // when a call last used the names, as of the latest look-up
  Task<void> replacement_;
};

}  // namespace ringrpc
