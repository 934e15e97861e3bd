#include "rpc/client/shard_channel.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <new>
#include <utility>

#include "base/caught.h"
#include "reactor/slices.h"
#include "rpc/balancing/pick_first.h"
#include "rpc/client/channel_log.h"
#include "rpc/client/next_backends.h"

namespace ringrpc {
namespace {

/// A status names the causes of this many addresses.
constexpr std::size_t causes_max = 5;

/// Attempts to connect that may begin in a turn, each of some system calls.
constexpr unsigned dials_of_a_turn_max = 4;

/// Subchannels that end their connections in a turn, because no more calls come, or are dropped.
constexpr unsigned retired_of_a_turn_max = 4;

/// The status of calls on a channel that has ended.
Status gone_status(const std::string& target, std::string_view why) noexcept {
  try {
    return Status(Code::CANCELLED, ("the channel to " + target).append(why), Initiator::application);
  } catch (const std::bad_alloc&) {
    return Status(Code::CANCELLED, "", Initiator::application);
  }
}

}  // namespace

ShardChannel::ShardChannel(Shard& shard, std::shared_ptr<ChannelCore> core)
    : Part(shard, Role::whole),
      shard_(shard),
      core_(std::move(core)),
      metrics_(core_->metrics() ? core_->metrics()->on(shard) : nullptr),
      tracer_(ShardTracer::make(core_->options().tracer)),
      call_policies_(options(), core_->retry_throttle(), metrics_.get(), shard.now(), shard.index()),
      intake_(core_->fault().ok() ? Intake::open : Intake::faulty),
      policy_(policy()),
      balancer_(make_balancer(policy_.get(), shard)),
      health_service_(health_service_of(*balancer_)),
      idle_watch_(shard, options().channel_idle_timeout, *this) {
  limits_.max_header_list_bytes = static_cast<std::uint32_t>(options().max_header_list_bytes);
  limits_.max_header_fields = options().max_header_fields;
  timeouts_.handshake = std::chrono::years(100);  // the attempt has its own limit
  timeouts_.stall = options().stall_timeout;
}

ShardChannel::~ShardChannel() {
  std::uint64_t cut = queued_ + refused_;
  for (const auto* subchannels : {&backends_, &retired_})
    for (const auto& subchannel : *subchannels) cut += subchannel->calls_under_way();
  call_policies_.end();
  const bool was_closing = closing();
  enter(Intake::closing);
  const Status gone = gone_status(target(), was_closing ? " is closed" : " was destroyed");
  while (OutgoingCall* call = queue_.front()) call->stop(gone);
  for (; OutgoingCall* call = held_.front(); ++cut) call->stop(gone);
  end_connect_waits(gone);
  end_state_waits();
  for (const auto* subchannels : {&backends_, &retired_})
    for (const auto& subchannel : *subchannels) subchannel->detach_calls(gone);
  leave(calls());
  core_->remove(shard_, was_closing ? cut : 0);
}

void ShardChannel::enter(Intake next) noexcept {
  assert(next == Intake::closing || (next == Intake::open && intake_ == Intake::dormant) ||
         (next == Intake::dormant && intake_ == Intake::open));
  intake_ = next;
}

void ShardChannel::enter(Replacement next) noexcept {
  assert(next != Replacement::telling || replacing_ == Replacement::making);
  replacing_ = next;
}

Status ShardChannel::closed(const std::string& target) noexcept { return gone_status(target, " is closed"); }

std::string_view ShardChannel::user_agent() const noexcept { return "grpc-c++-ringrpc/" RINGRPC_VERSION; }

void ShardChannel::submit(OutgoingCall& call) {
  ++calls_started_;
  last_call_ = shard_.now();
  if (intake_ != Intake::open && !admit(call)) return;
  if (call.request().deadline <= shard_.now())
    return refuse(call, Status(Code::DEADLINE_EXCEEDED, "the deadline had passed before the call began",
                               Initiator::library));
  if ((queued_ == 0 || balancer_->chooses_by_call()) && attempt(call)) return;
  if (Status refused = let_wait(call); !refused.ok()) call.on_unplaced(std::move(refused));
}

/// Lets the call wait for a connection with room. The reason if it may not.
Status ShardChannel::let_wait(OutgoingCall& call) {
  if (state_ == Connectivity::transient_failure && !call.request().wait_for_ready) return last_failure_;
  if (queued_ >= options().max_queued_calls) {
    if (metrics_) ++metrics_->counts.refused;
    return Status(Code::RESOURCE_EXHAUSTED,
                  std::to_string(queued_) + " calls wait for a stream to " + target() +
                      " already, the limit is max_queued_calls",
                  Initiator::library);
  }
  enqueue(call);
  return {};
}

/// The reason why the channel takes no calls; OK if it does.
Status ShardChannel::refusal() const noexcept { return closing() ? closed(target()) : core_->fault(); }

/// Wakes a channel that is dormant. False if the call is refused.
bool ShardChannel::admit(OutgoingCall& call) noexcept {
  if (Status refused = refusal(); !refused.ok()) {
    refuse(call, std::move(refused));
    return false;
  }
  enter(Intake::open);
  names_->look();
  return true;
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

bool ShardChannel::hold(OutgoingCall& call) noexcept {
  if (!closing()) held_.push_back(call);
  return !closing();
}

void ShardChannel::left_hold() noexcept {
  if (closing()) run_soon();
}

Status ShardChannel::admit_held() {
  if (!closing()) return {};
  ++refused_;
  return closed(target());
}

void ShardChannel::submit(ConnectWait& wait) {
  if (Status refused = refusal(); !refused.ok()) return wait.finish(std::move(refused));
  if (state_ == Connectivity::ready) return wait.finish(Status());
  if (state_ == Connectivity::transient_failure) return wait.finish(last_failure_);
  connect_waits_.push_back(wait);
  run_soon();
}

void ShardChannel::submit(StateWait& wait) {
  state_waits_.push_back(wait);
  end_state_waits();
}

void ShardChannel::submit_again(OutgoingCall& call, AttemptKind kind, unsigned attempts,
                                const Status& last) noexcept {
  if (metrics_) ++metrics_->counts.further_attempts[static_cast<std::size_t>(kind)];
  channel_log::attempted_again(target(), call.request().path, kind, attempts, last);
  call.contain([&] {
    if (kind == AttemptKind::transparent) return enqueue(call);
    if ((queued_ == 0 || balancer_->chooses_by_call()) && attempt(call)) return;
    if (Status refused = let_wait(call); !refused.ok()) call.on_unplaced(std::move(refused));
  });
}

/// Calls that begin from now on use the service config of the name, or that of the options if the name has
/// none. The balancer is replaced with the backends. A failure, or one that is wrong, changes nothing.
void ShardChannel::use_service_config(Result<std::string> json) noexcept try {
  if (json && *json == config_json_) return;
  Status refused;
  if (!json) {
    refused = std::move(json).error();
  } else if (json->size() > resolved_config_bytes_max) {
    refused = Status(Code::INVALID_ARGUMENT,
                     "the service config of the name has " + std::to_string(json->size()) +
                         " bytes, the limit is " + std::to_string(resolved_config_bytes_max),
                     Initiator::library);
  } else {
    refused = call_policies_.use(json->empty() ? nullptr : ServiceConfig::parse(*json));
    if (refused.ok()) config_json_ = *std::move(json);
  }
  if (refused.ok()) return;
  core_->record_failure(refused);
  channel_log::config_refused(target(), refused);
} catch (...) {
  core_->record_failure(caught());
}

/// The policy that is in force; null for the default.
std::shared_ptr<const BalancingPolicy> ShardChannel::policy() const noexcept {
  const ServiceConfig* const config = call_policies_.config();
  return config && config->balancing() ? config->balancing() : options().balancing;
}

/// The service whose health is checked if that is the balancer.
std::optional<std::string> ShardChannel::health_service_of(const Balancer& balancer) const {
  const ServiceConfig* const config = call_policies_.config();
  const bool checks = config && options().health_checks && balancer.checks_health();
  return checks ? config->health_check_service() : std::nullopt;
}

void ShardChannel::enqueue(OutgoingCall& call) {
  call.join_queue(queue_,
                  awaits_addresses() ? OutgoingCall::Addresses::awaited : OutgoingCall::Addresses::known);
  ++queued_;
  if (metrics_)
    metrics_->counts.enter_queue(state_ == Connectivity::ready ? QueueWait::stream : QueueWait::connection,
                                 shard_.now());
  run_soon();
}

/// Attempts the call on the backend that the balancer picks, if that has room for it.
bool ShardChannel::attempt(OutgoingCall& call) {
  Backend* const picked = balancer_->pick(PickedCall(call.request()));
  ClientConnection* const connection = picked ? static_cast<Subchannel*>(picked)->room() : nullptr;
  if (!connection) return false;
  call.attempt_on(*connection);
  return true;
}

std::string ShardChannel::describe_wait() const {
  if (state_ == Connectivity::ready) {
    std::size_t connections = 0;
    for (const auto& backend : backends_)
      if (backend->state() == Connectivity::ready) connections += backend->connections();
    return "waited for a free stream on " + std::to_string(connections) + " connections to " + target() +
           " until the deadline";
  }
  const std::string waited = "waited for a connection to " + target() + " until the deadline";
  return last_failure_.ok() ? waited : waited + "; last: " + std::string(last_failure_.message());
}

void ShardChannel::close(Nanoseconds timeout) {
  enter(Intake::closing);
  close_by_ = std::min(close_by_, after(shard_.now(), timeout));
  idle_watch_.stop();
  end_connect_waits(closed(target()));
  end_state_waits();
  run_soon();
}

void ShardChannel::run() {
  try {
    do_what_is_due();
  } catch (...) {
    give_up_step(caught());
  }
  if (closing() && (over() || shard_.now() >= close_by_)) return shard_.drop(core_.get());  // destroys this
  shard_.timers().arm(*this, next_event());
}

void ShardChannel::do_what_is_due() {
  if (unneeded() && names_) names_->stop();
  if (std::exchange(told_unneeded_, unneeded()) != unneeded())
    for (const auto& backend : backends_) backend->run_soon();
  update_state();
  drop_retired();
  attempt_queued();
  if (wanted()) reach_out();
}

/// There was no memory for a step: tries again after a while.
void ShardChannel::give_up_step(Status why) noexcept {
  enter(Replacement::none);
  last_failure_ = std::move(why);
  give_up_until_ = after(shard_.now(), options().backoff.initial);
  update_state();
  fail_waiting();
}

void ShardChannel::attempt_queued() {
  if (balancer_->chooses_by_call())
    return queue_.for_each([this](OutgoingCall& call) { (void)attempt(call); });
  while (OutgoingCall* call = queue_.front())
    if (!attempt(*call)) return;
}

bool ShardChannel::wanted() const noexcept {
  return queued_ > 0 || (!connect_waits_.empty() && state_ != Connectivity::ready);
}

/// Connects for the calls that wait, or fails them.
void ShardChannel::reach_out() {
  switch (state_) {
    case Connectivity::ready:
      return grow_backends();
    case Connectivity::idle:
      if (backends_.empty()) return find_backends();
      return balancer_->connect();
    case Connectivity::transient_failure:
      return fail_waiting();
    case Connectivity::connecting:
    case Connectivity::shutdown:
      return;
  }
}

/// Has the ready backends without room connect further. If all have room, the balancer
/// has a use for none of them.
void ShardChannel::grow_backends() noexcept {
  bool full = false;
  for (const auto& backend : backends_) {
    if (backend->state() != Connectivity::ready || backend->has_room()) continue;
    full = true;
    backend->grow();
  }
  if (!full) balancer_->connect();
}

/// The first step of a channel that has no addresses yet.
void ShardChannel::find_backends() {
  idle_watch_.begin();
  if (!core_->resolver()) {
    replacement_ = replace_backends(core_->endpoints());
    return replacement_.start();
  }
  if (!names_)
    names_.emplace(
        shard_, *core_->resolver(), core_->subject(),
        NameWatch::Times{.first_timeout = core_->first_look_up_timeout(), .backoff = options().backoff},
        static_cast<NameWatch::Handler&>(*this));
  names_->look();
  update_state();
}

void ShardChannel::on_names(Result<NameWatch::Found> found) noexcept {
  run_soon();
  try {
    if (found) {
      use_service_config(std::move(found->service_config));
      replacement_ = replace_backends(std::move(found->endpoints));
      return replacement_.start();
    }
  } catch (...) {
    enter(Replacement::none);
    found = std::unexpected(caught());
  }
  if (metrics_) ++metrics_->counts.connects_failed;
  log_failed(found.error());
  core_->record_failure(found.error());
  if (!backends_.empty()) return;  // those that were found before remain
  lookup_failed_ = true;
  last_failure_ = std::move(found).error();
  update_state();
}

void ShardChannel::on_look_due() noexcept {
  const bool used = std::exchange(names_used_, last_call_) != last_call_;
  if (used || wanted() || !held_.empty() || state_ == Connectivity::transient_failure) return names_->look();
  if (intake_ == Intake::open) enter(Intake::dormant);
}

/// Keeps the subchannels of those endpoints that were there before, makes those of the others, and retires
/// the rest. In slices: there may be a thousand.
Task<void> ShardChannel::replace_backends(std::vector<Endpoint> endpoints) {
  try {
    enter(Replacement::making);
    Slices slices(shard_);
    NextBackends next(backends_);
    for (Endpoint& endpoint : endpoints) {
      next.add(*this, std::move(endpoint));
      if (slices.over()) co_await slices.next();
    }
    install(next);
  } catch (...) {
    give_up_step(caught());
  }
}

void ShardChannel::install(NextBackends& next) {
  std::vector<std::unique_ptr<Subchannel>> replaced(next.owners.size());
  retired_.reserve(retired_.size() + backends_.size());
  std::shared_ptr<const BalancingPolicy> policy = this->policy();
  const bool follows = policy == policy_ || follow(*balancer_, policy.get());
  std::unique_ptr<Balancer> other = follows ? nullptr : make_balancer(policy.get(), shard_);
  std::optional<std::string> health_service = health_service_of(other ? *other : *balancer_);
  enter(Replacement::telling);
  (other ? *other : *balancer_).update(next.backends);
  // From here on nothing fails.
  enter(Replacement::none);
  policy_ = std::move(policy);
  if (other) balancer_ = std::move(other);
  const bool checks_otherwise = health_service != health_service_;
  health_service_.swap(health_service);
  std::ranges::transform(next.owners, replaced.begin(), [](auto* owner) { return std::move(*owner); });
  const bool awaited = awaits_addresses();
  backends_.swap(replaced);
  if (awaited && !awaits_addresses()) queue_.for_each([](OutgoingCall& call) { call.on_addresses(); });
  retire(replaced);
  if (checks_otherwise)
    for (const auto& backend : backends_) backend->run_soon();
  lookup_failed_ = false;
  update_state();
  run_soon();
}

/// There is room for them among those that are retired. Null ones are left out.
void ShardChannel::retire(std::vector<std::unique_ptr<Subchannel>>& backends) noexcept {
  for (std::unique_ptr<Subchannel>& backend : backends) {
    if (!backend) continue;
    backend->retire();
    retired_.push_back(std::move(backend));
  }
}

bool ShardChannel::busy() const noexcept {
  return calls_started_ != calls_succeeded_ + calls_failed_ || !held_.empty() || !connect_waits_.empty() ||
         replacing_ != Replacement::none;
}

/// Forgets what the first call found. The next one finds it anew.
void ShardChannel::on_idle() noexcept try {
  retired_.reserve(retired_.size() + backends_.size());
  balancer_ = make_balancer(policy_.get(), shard_);
  // From here on nothing fails.
  names_.reset();
  if (intake_ == Intake::dormant) enter(Intake::open);
  retire(backends_);
  backends_.clear();
  last_failure_ = Status();
  lookup_failed_ = false;
  update_state();
  run_soon();
} catch (...) {
  idle_watch_.begin();
}

/// Ends the connections of retired subchannels, and drops those that have none left: a few in each turn.
void ShardChannel::drop_retired() {
  unsigned changed = 0;
  for (std::size_t at = retired_.size(); at > 0 && changed < retired_of_a_turn_max; --at) {
    std::unique_ptr<Subchannel>& subchannel = retired_[at - 1];
    if (subchannel->over()) {
      std::swap(subchannel, retired_.back());
      retired_.pop_back();
      ++changed;
    } else if (subchannel->dismiss()) {
      ++changed;
    }
  }
  if (changed == retired_of_a_turn_max) shard_.at_turn_end(*this);
}

void ShardChannel::on_state(Subchannel& subchannel) noexcept {
  if (replacing_ == Replacement::telling || subchannel.retired()) return;
  balancer_->on_state(subchannel);
  update_state();
}

Connectivity ShardChannel::observe_state() const noexcept {
  using enum Connectivity;
  Connectivity now = idle;
  if (!backends_.empty())
    now = balancer_->state();
  else if (lookup_failed_)
    now = transient_failure;
  else if (replacing_ != Replacement::none || (names_ && names_->looking()))
    now = connecting;
  return now == idle && shard_.now() < give_up_until_ ? transient_failure : now;
}

void ShardChannel::update_state() noexcept {
  const Connectivity now = observe_state();
  if (now == state_) return;
  state_ = now;
  run_soon();
  end_state_waits();
  if (now == Connectivity::ready) end_connect_waits(Status());
  if (failing()) note_failures();
}

void ShardChannel::note_failures() noexcept try { last_failure_ = failures(); } catch (...) {
  last_failure_ = caught();
}

/// The causes of all addresses at which nothing can be reached, and the number of those that the policy hides.
Status ShardChannel::failures() const {
  std::string words;
  Cause furthest = Cause::other;
  Initiator initiator = Initiator::library;
  std::size_t failed = 0, hidden = 0;
  const std::string prefix = "connect " + target() + " ";
  for (const auto& backend : backends_) {
    const Status& why = backend->failure();
    hidden += backend->state() == Connectivity::ready ? 1 : 0;
    if (backend->state() != Connectivity::transient_failure) continue;
    if (why.cause() == Cause::out_of_memory) return why;
    furthest = std::max(furthest, why.cause());
    if (++failed > causes_max) continue;
    std::string_view cause = why.message();
    if (words.empty()) {
      words = cause;
      initiator = why.initiator();
    } else {
      if (cause.starts_with(prefix)) cause.remove_prefix(prefix.size());
      words.append("; ").append(cause);
    }
  }
  if (failed > causes_max) words += "; and " + std::to_string(failed - causes_max) + " more";
  if (hidden > 0)
    words += (words.empty() ? target() + ": " : "; ") + std::to_string(hidden) +
             (hidden == 1 ? " address is" : " addresses are") + " hidden by the policy of load balancing";
  if (words.empty())
    words = target() + ": the policy of load balancing uses none of the " + std::to_string(backends_.size()) +
            " addresses";
  return Status(Code::UNAVAILABLE, std::move(words), initiator).with_cause(furthest);
}

Instant ShardChannel::next_event() const {
  Instant next = close_by_;
  if (shard_.now() < give_up_until_) next = std::min(next, give_up_until_);
  return next;
}

bool ShardChannel::over() const noexcept {
  const auto over = [](const auto& subchannel) { return subchannel->over(); };
  return queued_ == 0 && held_.empty() && std::ranges::all_of(backends_, over) &&
         std::ranges::all_of(retired_, over);
}

bool ShardChannel::may_dial(Subchannel& subchannel) noexcept {
  if (std::exchange(dial_turn_, shard_.turns()) != shard_.turns()) dials_ = 0;
  if (dials_ < dials_of_a_turn_max) {
    ++dials_;
    return true;
  }
  if (!subchannel.ListNodeOf<DialTag>::linked()) dialing_.push_back(subchannel);
  shard_.at_turn_end(*this);
  return false;
}

/// Continues in the next turn: attempts to connect and dropped subchannels may take several.
void ShardChannel::on_turn_end() {
  run_soon();
  for (unsigned next = 0; next < dials_of_a_turn_max; ++next)
    if (Subchannel* const subchannel = dialing_.pop_front()) subchannel->run_soon();
  if (!dialing_.empty()) shard_.at_turn_end(*this);
}

void ShardChannel::log_connected(const ClientConnection& connection) noexcept {
  const bool again = std::exchange(outage_, false);
  channel_log::connected(target(), connection.peer(),
                         again ? channel_log::Connected::again : channel_log::Connected::first,
                         outage_level());
}

void ShardChannel::log_failed(const Status& why) noexcept {
  note_outage();
  channel_log::connect_failed(target(), why, outage_level());
}

/// Fails the waits for a connection, and the calls without `wait_for_ready`.
void ShardChannel::fail_waiting() noexcept {
  if (state_ != Connectivity::transient_failure) return;
  end_connect_waits(last_failure_);
  queue_.for_each([&](OutgoingCall& call) {
    if (!call.request().wait_for_ready) call.on_unplaced(last_failure_);
  });
}

void ShardChannel::end_connect_waits(const Status& status) noexcept {
  while (ConnectWait* wait = connect_waits_.front()) wait->finish(status);
}

/// Ends the waits for a state other than the present one.
void ShardChannel::end_state_waits() noexcept {
  state_waits_.for_each([this](StateWait& wait) {
    if (wait.from() != state()) wait.finish(state());
  });
}

}  // namespace ringrpc
