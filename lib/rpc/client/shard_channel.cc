#include "rpc/client/shard_channel.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/caught.h"
#include "rpc/client/channel_log.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

/// gRFC A8: the shortest time between a client's keepalive PINGs.
constexpr Nanoseconds client_keepalive_time_min = 10s;

Nanoseconds effective_keepalive_time(Nanoseconds asked) {
  return asked <= Nanoseconds::zero() ? Nanoseconds::zero() : std::max(asked, client_keepalive_time_min);
}

/// The status of calls on a channel that has ended.
Status gone_status(const std::string& target, std::string_view why) noexcept {
  try {
    return Status(Code::CANCELLED, ("the channel to " + target).append(why), Initiator::application);
  } catch (const std::bad_alloc&) {
    return Status(Code::CANCELLED, "", Initiator::application);
  }
}

}  // namespace

ShardChannel::ShardChannel(Shard& shard, std::shared_ptr<SharedChannelState> shared)
    : Part(shard),
      shard_(shard),
      shared_(std::move(shared)),
      metrics_(shared_->metrics() ? shared_->metrics()->on(shard) : nullptr),
      keepalive_rule_{.time = effective_keepalive_time(options().keepalive_time),
                      .timeout = options().keepalive_timeout,
                      .without_calls = options().keepalive_without_calls},
      backoff_(options().backoff, shard.now(), shard.index()) {
  limits_.max_header_list_bytes = static_cast<std::uint32_t>(options().max_header_list_bytes);
  timeouts_.handshake = std::chrono::years(100);  // the attempt has its own limit
  timeouts_.stall = options().stall_timeout;
}

ShardChannel::~ShardChannel() {
  std::uint64_t cut = queued_ + refused_;
  for (const auto* connections : {&connections_, &leaving_})
    for (const auto& connection : *connections) cut += connection->attempts();
  const Status gone = gone_status(target(), closing_ ? " is closed" : " was destroyed");
  while (OutgoingCall* call = queue_.front()) call->stop(gone);
  for (; OutgoingCall* call = held_.front(); ++cut) call->stop(gone);
  end_connect_waits(gone);
  for (const auto* connections : {&connections_, &leaving_})
    for (const auto& connection : *connections) {
      connection->detach_attempts(gone);
      if (metrics_) metrics_->counts.end(ConnectionEnd::by_channel);
    }
  leave(calls());
  shared_->remove(shard_, closing_ ? cut : 0);
}

Status ShardChannel::closed(const std::string& target) noexcept { return gone_status(target, " is closed"); }

std::string_view ShardChannel::user_agent() const noexcept { return "grpc-c++-ringrpc/" RINGRPC_VERSION; }

void ShardChannel::submit(OutgoingCall& call) {
  ++calls_started_;
  last_call_ = shard_.now();
  if (closing_) return refuse(call, closed(target()));
  if (!shared_->address()) return refuse(call, shared_->address().error());
  if (call.request().deadline <= shard_.now())
    return refuse(call, Status(Code::DEADLINE_EXCEEDED, "the deadline had passed before the call began",
                               Initiator::library));
  if (queued_ == 0 && attempt(call)) return;
  const bool waits = call.request().wait_for_ready || !connections_.empty() || attempt_;
  if (!waits && !backoff_.over(shard_.now())) return refuse(call, unreachable());
  if (queued_ >= options().max_queued_calls) {
    if (metrics_) ++metrics_->counts.refused;
    return refuse(call, Status(Code::RESOURCE_EXHAUSTED,
                               std::to_string(queued_) + " calls wait for a stream to " + target() +
                                   " already, the limit is max_queued_calls",
                               Initiator::library));
  }
  enqueue(call);
}

/// Settles a call that has neither been queued nor attempted.
void ShardChannel::refuse(OutgoingCall& call, Status why) noexcept {
  count_end(false);
  call.settle(std::move(why));
}

channelz::CallTotals ShardChannel::calls() const {
  return {.started = calls_started_,
          .succeeded = calls_succeeded_,
          .failed = calls_failed_,
          .last_started = channelz::wall_time(shard_, last_call_)};
}

channelz::Connectivity ShardChannel::state() const {
  using enum channelz::Connectivity;
  if (closing_) return shutdown;
  if (usable()) return ready;
  if (attempt_) return connecting;
  return backoff_.over(shard_.now()) ? idle : transient_failure;
}

bool ShardChannel::hold(OutgoingCall& call) noexcept {
  if (!closing_) held_.push_back(call);
  return !closing_;
}

void ShardChannel::left_hold() noexcept {
  if (closing_) run_soon();
}

Status ShardChannel::admit_held() {
  if (!closing_) return {};
  ++refused_;
  return closed(target());
}

void ShardChannel::submit(ConnectWait& wait) {
  if (closing_) return wait.finish(closed(target()));
  if (!shared_->address()) return wait.finish(shared_->address().error());
  if (usable()) return wait.finish(Status());
  if (!attempt_ && !backoff_.over(shard_.now())) return wait.finish(unreachable());
  connect_waits_.push_back(wait);
  run_soon();
}

void ShardChannel::submit_again(OutgoingCall& call) {
  if (metrics_) ++metrics_->counts.retries;
  channel_log::retried(target(), call.request().path);
  enqueue(call);
}

void ShardChannel::enqueue(OutgoingCall& call) {
  call.join_queue(queue_);
  ++queued_;
  if (metrics_)
    metrics_->counts.enter_queue(connections_.empty() ? QueueWait::connection : QueueWait::stream,
                                 shard_.now());
  run_soon();
}

/// Attempts the call on the first connection with room for it.
bool ShardChannel::attempt(OutgoingCall& call) {
  const auto found = std::ranges::find_if(connections_, &ClientConnection::has_room,
                                          [](const auto& connection) -> const auto& { return *connection; });
  if (found == connections_.end()) return false;
  call.attempt_on(**found);
  return true;
}

std::string ShardChannel::describe_wait() const {
  if (!connections_.empty())
    return "waited for a free stream on " + std::to_string(connections_.size()) + " connections to " +
           target() + " until the deadline";
  const std::string waited = "waited for a connection to " + target() + " until the deadline";
  return last_failure_.ok() ? waited : waited + "; last: " + std::string(last_failure_.message());
}

void ShardChannel::close(Nanoseconds timeout) {
  closing_ = true;
  close_by_ = std::min(close_by_, after(shard_.now(), timeout));
  end_connect_waits(closed(target()));
  run_soon();
}

void ShardChannel::run() {
  try {
    do_what_is_due();
  } catch (...) {
    give_up_step(caught());
  }
  if (closing_ && (over() || shard_.now() >= close_by_)) return shard_.drop(shared_.get());  // destroys this
  shard_.timers().arm(*this, next_event());
}

void ShardChannel::do_what_is_due() {
  settle_attempt();
  sort_out_leaving();
  attempt_queued();
  if (wanted()) grow();
  note_idle();
  retire_idle();
}

/// Without memory for it there is no attempt to connect. Another may come after the usual wait.
void ShardChannel::give_up_step(Status why) noexcept {
  if (attempt_ && metrics_) ++metrics_->counts.connects_failed;
  attempt_.reset();
  failed(std::move(why));
}

/// Takes over the connection of the attempt when its handshake is complete.
void ShardChannel::settle_attempt() {
  if (closing_ && queued_ == 0) attempt_.reset();
  ClientConnection* connection = attempt_ ? attempt_->connection() : nullptr;
  if (!connection || !connection->ready()) return;
  connection->second_chance = second_chance_;
  connections_.reserve(connections_.size() + 1);  // or the connection would be lost
  connections_.push_back(attempt_->take());
  attempt_.reset();
  trace().add(channelz::Severity::info, "connected to " + connection->peer());
  if (metrics_) ++metrics_->counts.connects;
  log_connected(*connection);
  backoff_.succeeded();
  end_connect_waits(Status());
}

void ShardChannel::log_connected(const ClientConnection& connection) noexcept {
  const bool again = std::exchange(outage_, false);
  channel_log::connected(target(), connection.peer(),
                         again ? channel_log::Connected::again : channel_log::Connected::first);
}

void ShardChannel::sort_out_leaving() {
  const auto leaving =
      std::ranges::count_if(connections_, [](const auto& connection) { return connection->leaving(); });
  if (leaving == 0) return;
  leaving_.reserve(leaving_.size() + static_cast<std::size_t>(leaving));  // or some would be lost
  bool in_vain = false;
  for (auto& connection : connections_) {
    if (!connection->leaving()) continue;
    turned_away_ = was_useless(*connection);
    in_vain |= turned_away_ && connection->second_chance;
    leaving_.push_back(std::move(connection));
  }
  std::erase(connections_, nullptr);
  if (in_vain)
    failed(Status(Code::UNAVAILABLE, target() + ": the server sent GOAWAY before it took a call",
                  Initiator::library));
}

void ShardChannel::attempt_queued() {
  while (OutgoingCall* call = queue_.front())
    if (!attempt(*call)) return;
}

bool ShardChannel::wanted() const noexcept {
  return queued_ > 0 || (!connect_waits_.empty() && connections_.empty());
}

bool ShardChannel::usable() const noexcept {
  return std::ranges::any_of(connections_, &ClientConnection::usable,
                             [](const auto& connection) -> const auto& { return *connection; });
}

bool ShardChannel::may_grow() const noexcept {
  return wanted() && !attempt_ && connections_.size() < max_connections();
}

/// Opens another connection for the calls that wait, if it may be now.
void ShardChannel::grow() {
  if (!may_grow()) return;
  if (!backoff_.over(shard_.now())) return fail_waiting();
  attempt_ = std::make_unique<ConnectAttempt>(
      *this, std::max<Nanoseconds>(options().connect_timeout, backoff_.next_wait()));
  second_chance_ = turned_away_ && connections_.empty();
  attempt_->start(*shared_->address());
}

void ShardChannel::note_idle() {
  for (const auto& connection : connections_) {
    if (!connection->idle()) {
      connection->idle_since = never;
    } else if (connection->idle_since == never) {
      connection->idle_since = shard_.now();
    }
  }
}

/// Ends connections that are not needed: all when the channel closes, else those beside the first.
void ShardChannel::retire_idle() {
  const bool all = closing_ && queued_ == 0;
  for (std::size_t at = all ? 0 : 1; at < connections_.size(); ++at) {
    ClientConnection& connection = *connections_[at];
    if (connection.idle_since == never) continue;
    if (!all && shard_.now() < after(connection.idle_since, options().idle_timeout)) continue;
    connection.retire();
    run_soon();
  }
}

Instant ShardChannel::next_event() const {
  Instant next = close_by_;
  if (may_grow()) next = std::min(next, backoff_.ends());
  for (std::size_t at = 1; at < connections_.size(); ++at)
    if (connections_[at]->idle_since != never)
      next = std::min(next, after(connections_[at]->idle_since, options().idle_timeout));
  return next;
}

bool ShardChannel::over() const noexcept {
  return queued_ == 0 && held_.empty() && !attempt_ && connections_.empty() && leaving_.empty();
}

void ShardChannel::on_attempt_failed(Status why) noexcept {
  if (metrics_) ++metrics_->counts.connects_failed;
  outage_ = true;
  channel_log::connect_failed(target(), why);
  attempt_.reset();
  failed(std::move(why));
  run_soon();
}

/// A server that accepts a connection and then no call counts as one that cannot be reached.
bool ShardChannel::was_useless(const ClientConnection& connection) const noexcept {
  return !connection.took_calls() && !connection.retired() &&
         shard_.now() < after(connection.ready_since(), options().backoff.initial);
}

void ShardChannel::failed(Status why) noexcept {
  trace().add(channelz::Severity::warning, why.message());
  last_failure_ = std::move(why);
  backoff_.failed(shard_.now());
  fail_waiting();
}

/// If there is no usable connection and no attempt to connect: fails the waits for a connection, and the calls without
/// `wait_for_ready`.
void ShardChannel::fail_waiting() noexcept {
  if (attempt_ || usable()) return;
  const Status failure = unreachable();
  end_connect_waits(failure);
  queue_.for_each([&](OutgoingCall& call) {
    if (!call.request().wait_for_ready) call.settle(failure);
  });
}

void ShardChannel::end_connect_waits(const Status& status) noexcept {
  while (ConnectWait* wait = connect_waits_.front()) wait->finish(status);
}

Status ShardChannel::unreachable() const noexcept {
  if (last_failure_.cause() == Cause::out_of_memory) return last_failure_;
  try {
    return Status(Code::UNAVAILABLE, std::string(last_failure_.message()), last_failure_.initiator())
        .with_cause(last_failure_.cause());
  } catch (...) {
    return caught();
  }
}

void ShardChannel::count_end(const ClientConnection& connection) noexcept {
  const bool goaway = connection.leaving();
  metrics_->counts.end(connection.retired() ? ConnectionEnd::by_channel
                       : goaway             ? ConnectionEnd::by_goaway
                                            : ConnectionEnd::by_loss);
}

void ShardChannel::trace_end(const ClientConnection& connection, const Status& why) noexcept try {
  const bool wanted = connection.retired() || connection.leaving();
  trace().add(
      wanted ? channelz::Severity::info : channelz::Severity::warning,
      "the connection to " + connection.peer() + " has ended: " +
          (connection.retired() ? std::string("it was not needed any more") : std::string(why.message())));
} catch (const std::bad_alloc&) {
  // There is no memory for the event.
}

void ShardChannel::on_connection_lost(ClientConnection& connection, const Status& why) noexcept {
  if (attempt_ && attempt_->connection() == &connection) return attempt_->connection_failed(why);
  const auto is_lost = [&](const auto& each) { return each.get() == &connection; };
  const bool useless = std::ranges::any_of(connections_, is_lost) && was_useless(connection);
  trace_end(connection, why);
  if (metrics_) count_end(connection);
  outage_ |= !connection.leaving();
  std::erase_if(connections_, is_lost);
  std::erase_if(leaving_, is_lost);
  run_soon();
  if (useless) try {
      failed(Status(Code::UNAVAILABLE, target() + ": " + std::string(why.message()), why.initiator()));
    } catch (...) {
      failed(caught());
    }
}

}  // namespace ringrpc
