#include "rpc/client/channel_core.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <utility>

#include "base/caught.h"
#include "rpc/client/intercepted_call.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

/// gRFC A8: clients ask no more often.
constexpr Nanoseconds client_keepalive_time_min = 10s;

Nanoseconds effective_keepalive_time(Nanoseconds asked) {
  return asked <= Nanoseconds::zero() ? Nanoseconds::zero() : std::max(asked, client_keepalive_time_min);
}

/// What calls of a channel get that is no more.
Status gone_status(const std::string& target, std::string_view why) noexcept {
  try {
    return Status(Code::CANCELLED, ("the channel to " + target).append(why), Initiator::application);
  } catch (const std::bad_alloc&) {
    return Status(Code::CANCELLED, "", Initiator::application);
  }
}

}  // namespace

ChannelCore::ChannelCore(Shard& shard, std::shared_ptr<ChannelShared> shared)
    : shard_(shard),
      shared_(std::move(shared)),
      keepalive_rule_{.time = effective_keepalive_time(options().keepalive_time),
                      .timeout = options().keepalive_timeout,
                      .without_calls = options().keepalive_without_calls},
      backoff_(options().backoff, shard.now(), shard.index()) {
  limits_.max_header_list_bytes = static_cast<std::uint32_t>(options().max_header_list_bytes);
  timeouts_.handshake = std::chrono::years(100);  // the attempt has its own limit
  timeouts_.stall = options().stall_timeout;
}

ChannelCore::~ChannelCore() {
  std::uint64_t cut = queued_ + refused_;
  for (const auto* connections : {&connections_, &leaving_})
    for (const auto& connection : *connections) cut += connection->calls();
  const Status gone = gone_status(target(), closing_ ? " is closed" : " was destroyed");
  while (ClientCallImpl* call = waiting_.front()) call->detach(gone);
  for (; InterceptedCall* call = held_.front(); ++cut) call->detach(gone);
  end_connect_waits(gone);
  for (const auto* connections : {&connections_, &leaving_})
    for (const auto& connection : *connections) connection->detach_calls(gone);
  shared_->remove(shard_, closing_ ? cut : 0);
}

Status ChannelCore::closed(const std::string& target) noexcept { return gone_status(target, " is closed"); }

std::string_view ChannelCore::user_agent() const noexcept { return "grpc-c++-ringrpc/" RINGRPC_VERSION; }

void ChannelCore::submit(ClientCallImpl& call) {
  if (closing_) return call.finish(closed(target()));
  if (!shared_->address()) return call.finish(shared_->address().error());
  if (call.deadline() <= shard_.now())
    return call.finish(
        Status(Code::DEADLINE_EXCEEDED, "the deadline had passed before the call began", Initiator::library));
  if (queued_ == 0 && attach(call)) return;
  const bool waits = call.waits_for_ready() || !connections_.empty() || attempt_;
  if (!waits && !backoff_.over(shard_.now())) return call.finish(unreachable());
  if (queued_ >= options().max_queued_calls)
    return call.finish(Status(Code::RESOURCE_EXHAUSTED,
                              std::to_string(queued_) + " calls wait for a stream to " + target() +
                                  " already, the limit is max_queued_calls",
                              Initiator::library));
  enqueue(call);
}

bool ChannelCore::hold(InterceptedCall& call) noexcept {
  if (!closing_) held_.push_back(call);
  return !closing_;
}

void ChannelCore::left_hold() noexcept {
  if (closing_) run_soon();
}

Status ChannelCore::admit_held() {
  if (!closing_) return {};
  ++refused_;
  return closed(target());
}

void ChannelCore::submit(ConnectWait& wait) {
  if (closing_) return wait.finish(closed(target()));
  if (!shared_->address()) return wait.finish(shared_->address().error());
  if (usable()) return wait.finish(Status());
  if (!attempt_ && !backoff_.over(shard_.now())) return wait.finish(unreachable());
  connect_waits_.push_back(wait);
  run_soon();
}

void ChannelCore::submit_again(ClientCallImpl& call) { enqueue(call); }

void ChannelCore::enqueue(ClientCallImpl& call) {
  call.join_queue(waiting_);
  ++queued_;
  run_soon();
}

/// Opens the call's stream on the first connection with room for it.
bool ChannelCore::attach(ClientCallImpl& call) {
  const auto found = std::ranges::find_if(connections_, &ClientConnection::has_room,
                                          [](const auto& connection) -> const auto& { return *connection; });
  if (found == connections_.end()) return false;
  call.attach(**found);
  return true;
}

std::string ChannelCore::describe_wait() const {
  if (!connections_.empty())
    return "waited for a free stream on " + std::to_string(connections_.size()) + " connections to " +
           target() + " until the deadline";
  const std::string waited = "waited for a connection to " + target() + " until the deadline";
  return last_failure_.ok() ? waited : waited + "; last: " + std::string(last_failure_.message());
}

void ChannelCore::close(Nanoseconds patience) {
  closing_ = true;
  close_by_ = std::min(close_by_, after(shard_.now(), patience));
  end_connect_waits(closed(target()));
  run_soon();
}

void ChannelCore::run() {
  try {
    see_to_all();
  } catch (...) {
    give_up_step(caught());
  }
  if (closing_ && (over() || shard_.now() >= close_by_)) return shard_.drop(shared_.get());  // destroys this
  shard_.timers().arm(*this, next_event());
}

void ChannelCore::see_to_all() {
  settle_attempt();
  sort_out_leaving();
  attach_waiting();
  if (wanted()) grow();
  note_idle();
  retire_idle();
}

/// Without memory for it there is no attempt to connect. Another may come after the usual wait.
void ChannelCore::give_up_step(Status why) noexcept {
  attempt_.reset();
  failed(std::move(why));
}

/// Takes over the connection of the attempt when its handshake is complete.
void ChannelCore::settle_attempt() {
  if (closing_ && queued_ == 0) attempt_.reset();
  ClientConnection* connection = attempt_ ? attempt_->connection() : nullptr;
  if (!connection || !connection->ready()) return;
  connection->second_chance = second_chance_;
  connections_.reserve(connections_.size() + 1);  // or the connection would be lost
  connections_.push_back(attempt_->take());
  attempt_.reset();
  backoff_.succeeded();
  end_connect_waits(Status());
}

void ChannelCore::sort_out_leaving() {
  const auto leaving = std::ranges::stable_partition(
      connections_, [](const auto& connection) { return !connection->leaving(); });
  if (leaving.empty()) return;
  bool in_vain = false;
  for (const auto& connection : leaving) {
    turned_away_ = was_useless(*connection);
    in_vain |= turned_away_ && connection->second_chance;
  }
  leaving_.reserve(leaving_.size() + leaving.size());  // or some would be lost
  std::ranges::move(leaving, std::back_inserter(leaving_));
  connections_.erase(leaving.begin(), leaving.end());
  if (in_vain)
    failed(Status(Code::UNAVAILABLE, target() + ": the server said goodbye before it took a call",
                  Initiator::library));
}

void ChannelCore::attach_waiting() {
  while (ClientCallImpl* call = waiting_.front())
    if (!attach(*call)) return;
}

bool ChannelCore::wanted() const noexcept {
  return queued_ > 0 || (!connect_waits_.empty() && connections_.empty());
}

bool ChannelCore::usable() const noexcept {
  return std::ranges::any_of(connections_, &ClientConnection::usable,
                             [](const auto& connection) -> const auto& { return *connection; });
}

bool ChannelCore::may_grow() const noexcept {
  return wanted() && !attempt_ && connections_.size() < std::max(options().max_connections, 1u);
}

/// Opens another connection for the calls that wait, if it may be now.
void ChannelCore::grow() {
  if (!may_grow()) return;
  if (!backoff_.over(shard_.now())) return fail_impatient();
  attempt_ = std::make_unique<ConnectAttempt>(
      *this, std::max<Nanoseconds>(options().connect_timeout, backoff_.next_wait()));
  second_chance_ = turned_away_ && connections_.empty();
  attempt_->start(*shared_->address());
}

void ChannelCore::note_idle() {
  for (const auto& connection : connections_) {
    if (!connection->idle()) {
      connection->idle_since = never;
    } else if (connection->idle_since == never) {
      connection->idle_since = shard_.now();
    }
  }
}

/// Tells connections to go that are not needed: all when the channel closes, else those beside the first.
void ChannelCore::retire_idle() {
  const bool all = closing_ && queued_ == 0;
  for (std::size_t at = all ? 0 : 1; at < connections_.size(); ++at) {
    ClientConnection& connection = *connections_[at];
    if (connection.idle_since == never) continue;
    if (!all && shard_.now() < after(connection.idle_since, options().idle_timeout)) continue;
    connection.retire();
    run_soon();
  }
}

Instant ChannelCore::next_event() const {
  Instant next = close_by_;
  if (may_grow()) next = std::min(next, backoff_.ends());
  for (std::size_t at = 1; at < connections_.size(); ++at)
    if (connections_[at]->idle_since != never)
      next = std::min(next, after(connections_[at]->idle_since, options().idle_timeout));
  return next;
}

bool ChannelCore::over() const noexcept {
  return queued_ == 0 && held_.empty() && !attempt_ && connections_.empty() && leaving_.empty();
}

void ChannelCore::on_attempt_failed(Status why) noexcept {
  attempt_.reset();
  failed(std::move(why));
  run_soon();
}

/// A server that lets one connect and then takes no call is as good as one that does not.
bool ChannelCore::was_useless(const ClientConnection& connection) const noexcept {
  return !connection.took_calls() && !connection.retired() &&
         shard_.now() < after(connection.ready_since(), options().backoff.initial);
}

void ChannelCore::failed(Status why) noexcept {
  last_failure_ = std::move(why);
  backoff_.failed(shard_.now());
  fail_impatient();
}

/// Fails the calls that do not wait for readiness, and who waits for a connection, where nothing is left that
/// could take them.
void ChannelCore::fail_impatient() noexcept {
  if (attempt_ || usable()) return;
  const Status failure = unreachable();
  end_connect_waits(failure);
  waiting_.for_each([&](ClientCallImpl& call) {
    if (!call.waits_for_ready()) call.finish(failure);
  });
}

void ChannelCore::end_connect_waits(const Status& status) noexcept {
  while (ConnectWait* wait = connect_waits_.front()) wait->finish(status);
}

Status ChannelCore::unreachable() const noexcept {
  if (last_failure_.cause() == Cause::out_of_memory) return last_failure_;
  try {
    return Status(Code::UNAVAILABLE, std::string(last_failure_.message()), last_failure_.initiator())
        .with_cause(last_failure_.cause());
  } catch (...) {
    return caught();
  }
}

void ChannelCore::on_connection_lost(ClientConnection& connection, const Status& why) noexcept {
  if (attempt_ && attempt_->connection() == &connection) return attempt_->connection_failed(why);
  const auto is_lost = [&](const auto& each) { return each.get() == &connection; };
  const bool useless = std::ranges::any_of(connections_, is_lost) && was_useless(connection);
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
