#include "rpc/client/subchannel.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <new>
#include <utility>

#include "base/caught.h"
#include "rpc/client/channel_log.h"
#include "rpc/client/shard_channel.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

/// gRFC A8: the shortest time between a client's keepalive PINGs.
constexpr Nanoseconds client_keepalive_time_min = 10s;

Nanoseconds effective_keepalive_time(Nanoseconds asked) {
  return asked <= Nanoseconds::zero() ? Nanoseconds::zero() : std::max(asked, client_keepalive_time_min);
}

KeepaliveRule keepalive_of(const ChannelOptions& options) {
  return {.time = effective_keepalive_time(options.keepalive_time),
          .timeout = options.keepalive_timeout,
          .without_calls = options.keepalive_without_calls};
}

/// The calls on a connection, of which each is a stream.
channelz::CallTotals calls_on(const ClientConnection& connection, Shard& shard) {
  const channelz::SocketCounts& counts = connection.counts();
  const std::uint64_t failed = counts.streams_failed + connection.calls_failed();
  return {
      .started = counts.streams_started,
      .succeeded = counts.streams_ended - failed,
      .failed = failed,
      .last_started = channelz::wall_time(shard, counts.streams_begun() ? shard.now() : counts.last_stream)};
}

}  // namespace

Subchannel::Subchannel(ShardChannel& channel, Endpoint endpoint)
    : Part(channel.shard(), Role::subchannel, endpoint.name),
      channel_(channel),
      shard_(channel.shard()),
      endpoint_(std::move(endpoint)),
      peer_(endpoint_.name),
      keepalive_rule_(keepalive_of(channel.options())),
      backoff_(channel.options().backoff, shard_.now(), shard_.index()) {}

Subchannel::~Subchannel() { leave(calls()); }

void Subchannel::enter(Tenure next) noexcept {
  assert(next == Tenure::in_use      ? tenure_ == Tenure::released
         : next == Tenure::dismissed ? tenure_ == Tenure::retired
                                     : tenure_ < next && tenure_ <= Tenure::released);
  tenure_ = next;
}

void Subchannel::enter(Further next) noexcept {
  assert(next == Further::none ? further_ != Further::none
                               : std::to_underlying(next) == std::to_underlying(further_) + 1);
  assert((next == Further::attempted) == (attempt_ != nullptr));
  further_ = next;
}

void Subchannel::detach_calls(const Status& why) noexcept {
  for (const auto* connections : {&connections_, &leaving_})
    for (const auto& connection : *connections) {
      connection->detach_attempts(why);
      if (channel_.metrics()) channel_.metrics()->counts.end(ConnectionEnd::by_channel);
    }
}

std::uint64_t Subchannel::calls_under_way() const noexcept {
  std::uint64_t calls = 0;
  for (const auto* connections : {&connections_, &leaving_})
    for (const auto& connection : *connections) calls += connection->attempts();
  return calls;
}

channelz::CallTotals Subchannel::calls() const {
  channelz::CallTotals calls = calls_before_;
  for (const auto* connections : {&connections_, &leaving_})
    for (const auto& connection : *connections) calls.add(calls_on(*connection, shard_));
  return calls;
}

std::uint32_t Subchannel::max_connections() const { return std::max(channel_.options().max_connections, 1u); }

std::unique_ptr<ByteStream> Subchannel::secure(std::unique_ptr<ByteStream> carrier) const {
  return channel_.core().secure(shard_, std::move(carrier), endpoint_.server_name);
}

void Subchannel::connect() noexcept {
  if (state_ != Connectivity::idle || retired() || channel_.unneeded()) return;
  if (tenure_ == Tenure::released) enter(Tenure::in_use);
  if (!usable()) enter(Further::wanted);
  update_state();
  run_soon();
}

void Subchannel::release() noexcept {
  if (tenure_ != Tenure::in_use) return;
  enter(Tenure::released);
  end_attempt();
  update_state();
  if (!connections_.empty()) run_soon();
}

void Subchannel::pick_again() noexcept { channel_.run_soon(); }

bool Subchannel::has_room() const noexcept {
  return state_ == Connectivity::ready &&
         std::ranges::any_of(connections_, &ClientConnection::has_room,
                             [](const auto& connection) -> const auto& { return *connection; });
}

std::size_t Subchannel::calls_in_flight() const noexcept {
  std::size_t calls = 0;
  for (const auto& connection : connections_) calls += connection->session().open_streams();
  return health_ && health_->streams() ? calls - 1 : calls;
}

CallCounts Subchannel::calls_ended() const noexcept {
  CallCounts ended{.all = calls_before_.started, .failed = calls_before_.started - calls_before_.succeeded};
  for (const auto* connections : {&connections_, &leaving_})
    for (const auto& connection : *connections) {
      const channelz::SocketCounts& counts = connection->counts();
      ended.all += counts.streams_ended;
      ended.failed += counts.streams_failed + connection->calls_failed();
    }
  return ended;
}

void Subchannel::grow() noexcept {
  if (unneeded() || further_ != Further::none || connections_.size() >= max_connections()) return;
  enter(Further::wanted);
  run_soon();
}

bool Subchannel::unneeded() const noexcept { return tenure_ != Tenure::in_use || channel_.unneeded(); }

void Subchannel::run() {
  try {
    do_what_is_due();
  } catch (...) {
    give_up_step(caught());
  }
  update_state();
  shard_.timers().arm(*this, next_event());
  if (channel_.has_queue() || (unneeded() && over())) channel_.run_soon();
}

void Subchannel::do_what_is_due() {
  settle_attempt();
  sort_out_leaving();
  if (failing_ && further_ == Further::none && !usable() && !unneeded()) enter(Further::wanted);
  if (further_ == Further::wanted) begin_attempt();
  if (health_ || channel_.health_service()) [[unlikely]]
    watch_health();
  note_idle();
  retire_idle();
}

/// There was no memory for a step, which counts as a failure to connect: the next
/// attempt comes after the backoff.
void Subchannel::give_up_step(Status why) noexcept {
  if (attempt_ && channel_.metrics()) ++channel_.metrics()->counts.connects_failed;
  end_attempt();
  failed(std::move(why));
}

/// Takes over the connection of the attempt when its handshake is complete.
void Subchannel::settle_attempt() {
  if (!attempt_) return;
  if (unneeded()) return end_attempt();
  ClientConnection* connection = attempt_->connection();
  if (!connection || !connection->ready()) return;
  connections_.reserve(connections_.size() + 1);  // or the connection would be lost
  connections_.push_back(attempt_->take());
  end_attempt();
  trace().add(channelz::Severity::info, "connected to " + connection->peer());
  if (channel_.metrics()) ++channel_.metrics()->counts.connects;
  channel_.log_connected(*connection);
  backoff_.succeeded();
}

void Subchannel::sort_out_leaving() {
  const auto leaving =
      std::ranges::count_if(connections_, [](const auto& connection) { return connection->leaving(); });
  if (leaving == 0) return;
  if (!unneeded()) channel_.doubt_names();
  leaving_.reserve(leaving_.size() + static_cast<std::size_t>(leaving));  // or some would be lost
  bool in_vain = false;
  for (auto& connection : connections_) {
    if (!connection->leaving()) continue;
    turned_away_ = was_useless(*connection);
    in_vain |= turned_away_ && connection->chance() == Chance::second;
    leaving_.push_back(std::move(connection));
  }
  std::erase(connections_, nullptr);
  if (in_vain)
    failed(Status(Code::UNAVAILABLE,
                  channel_.core().place(endpoint_.name) + ": the server sent GOAWAY before it took a call",
                  Initiator::library));
}

/// Opens the connection that is wanted, if it may be now.
void Subchannel::begin_attempt() {
  if (connections_.size() >= max_connections()) return;
  if (unneeded() || (usable() && !channel_.has_queue())) return enter(Further::none);
  if (!backoff_.over(shard_.now())) return;
  if (!channel_.may_dial(*this)) return;
  if (!joined()) channel_.core().introduce(*this);
  attempt_ = std::make_unique<ConnectAttempt>(
      *this, std::max<Nanoseconds>(channel_.options().connect_timeout, backoff_.next_wait()),
      turned_away_ && connections_.empty() ? Chance::second : Chance::first);
  enter(Further::attempted);
  attempt_->start();
}

/// Another connection is neither attempted nor wanted any more.
void Subchannel::end_attempt() noexcept {
  attempt_.reset();
  if (further_ != Further::none) enter(Further::none);
}

/// Watches the health of the first connection, if it is to be checked.
void Subchannel::watch_health() {
  const std::string* const service = unneeded() ? nullptr : channel_.health_service();
  ClientConnection* const first = connections_.empty() ? nullptr : connections_.front().get();
  const bool kept = health_ && service && first == &health_->connection() && *service == health_->service();
  if (kept) return;
  end_health_watch();
  if (!service || !first) return;
  health_ = std::make_unique<HealthWatch>(*this, *first, *service);
  health_->begin();
}

/// The reason why the server was not healthy remains: until it is ready, that is why it has failed.
void Subchannel::end_health_watch() noexcept {
  if (health_ && !health_->failure().ok()) failure_ = health_->failure();
  health_.reset();
}

void Subchannel::note_idle() {
  for (const auto& connection : connections_) {
    if (!connection->idle()) {
      connection->idle_since = never;
    } else if (connection->idle_since == never) {
      connection->idle_since = shard_.now();
    }
  }
}

/// Ends connections that are not needed: all if no call will come, else those beside the first.
void Subchannel::retire_idle() {
  const bool all = unneeded();
  for (std::size_t at = all ? 0 : 1; at < connections_.size(); ++at) {
    ClientConnection& connection = *connections_[at];
    if (connection.idle_since == never) continue;
    if (!all && shard_.now() < after(connection.idle_since, channel_.options().idle_timeout)) continue;
    connection.retire();
    run_soon();
  }
}

/// The state of a subchannel that is connected.
Connectivity Subchannel::observe_health() const noexcept {
  if (health_) return health_->state();
  return channel_.health_service() && !unneeded() ? Connectivity::connecting : Connectivity::ready;
}

Connectivity Subchannel::observe_connections() const noexcept {
  if (usable()) return observe_health();
  if (!backoff_.over(shard_.now())) return Connectivity::transient_failure;
  return further_ == Further::none ? Connectivity::idle : Connectivity::connecting;
}

Connectivity Subchannel::observe_state() const noexcept {
  if (tenure_ == Tenure::released) return Connectivity::idle;
  const Connectivity now = observe_connections();
  return failing_ && now != Connectivity::ready ? Connectivity::transient_failure : now;
}

void Subchannel::update_state() noexcept {
  const Connectivity before = std::exchange(state_, observe_state());
  failing_ = state_ == Connectivity::transient_failure;
  if (state_ == before) return;
  if (state_ == Connectivity::ready) failure_ = Status();
  channel_.on_state(*this);
}

Instant Subchannel::next_event() const noexcept {
  Instant next = never;
  if (further_ == Further::wanted || state_ != Connectivity::ready)
    if (!backoff_.over(shard_.now())) next = backoff_.ends();
  for (std::size_t at = 1; at < connections_.size(); ++at)
    if (connections_[at]->idle_since != never)
      next = std::min(next, after(connections_[at]->idle_since, channel_.options().idle_timeout));
  return next;
}

bool Subchannel::usable() const noexcept {
  return std::ranges::any_of(connections_, &ClientConnection::usable,
                             [](const auto& connection) -> const auto& { return *connection; });
}

void Subchannel::on_attempt_failed(const Status& why) noexcept {
  if (channel_.metrics()) ++channel_.metrics()->counts.connects_failed;
  end_attempt();
  Status failure = unreachable(why);
  channel_.log_failed(failure);
  failed(std::move(failure));
  run_soon();
}

Status Subchannel::unreachable(const Status& why) const noexcept {
  if (why.cause() == Cause::out_of_memory) return why;
  try {
    const std::string where = "connect " + channel_.core().place(endpoint_.name) + ": ";
    return Status(Code::UNAVAILABLE, where + std::string(why.message()), Initiator::library)
        .with_cause(why.cause());
  } catch (...) {
    return caught();
  }
}

/// A server that accepts a connection and then no call counts as one that cannot be reached.
bool Subchannel::was_useless(const ClientConnection& connection) const noexcept {
  return !connection.took_calls() && !connection.retired() &&
         shard_.now() < after(connection.ready_since(), channel_.options().backoff.initial);
}

void Subchannel::failed(Status why) noexcept {
  trace().add(channelz::Severity::warning, why.message());
  failure_ = std::move(why);
  failing_ = true;
  backoff_.failed(shard_.now());
  channel_.on_failure();
}

void Subchannel::count_end(const ClientConnection& connection) noexcept {
  const bool goaway = connection.leaving();
  channel_.metrics()->counts.end(connection.retired() ? ConnectionEnd::by_channel
                                 : goaway             ? ConnectionEnd::by_goaway
                                                      : ConnectionEnd::by_loss);
}

void Subchannel::trace_end(const ClientConnection& connection, const Status& why) noexcept try {
  const bool expected = connection.retired() || connection.leaving();
  trace().add(
      expected ? channelz::Severity::info : channelz::Severity::warning,
      "the connection to " + connection.peer() + " has ended: " +
          (connection.retired() ? std::string("it was not needed any more") : std::string(why.message())));
} catch (const std::bad_alloc&) {
  // There is no memory for the event.
}

void Subchannel::on_connection_lost(ClientConnection& connection, const Status& why) noexcept {
  if (attempt_ && attempt_->connection() == &connection) return attempt_->connection_failed(why);
  const auto is_lost = [&](const auto& each) { return each.get() == &connection; };
  const bool useless = std::ranges::any_of(connections_, is_lost) && was_useless(connection);
  trace_end(connection, why);
  if (channel_.metrics()) count_end(connection);
  if (!connection.leaving()) channel_.note_outage();
  calls_before_.add(calls_on(connection, shard_));
  if (health_ && &health_->connection() == &connection) {
    health_->on_connection_lost();
    end_health_watch();
  }
  std::erase_if(connections_, is_lost);
  std::erase_if(leaving_, is_lost);
  run_soon();
  if (useless) try {
      failed(Status(Code::UNAVAILABLE,
                    channel_.core().place(endpoint_.name) + ": " + std::string(why.message()),
                    why.initiator()));
    } catch (...) {
      failed(caught());
    }
}

}  // namespace ringrpc
