#include "rpc/server/server_shard.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <sys/socket.h>
#include <utility>

#include "ringrpc/log.h"

#include "base/caught.h"
#include "base/internals.h"
#include "observe/trace_wire.h"
#include "rpc/message/message_buffer.h"
#include "transport/tls_context.h"
#include "transport/tls_stream.h"

namespace ringrpc {
namespace {

/// More PINGs than that would be a load of their own.
constexpr Nanoseconds server_keepalive_time_min = std::chrono::seconds(1);

/// Of the maximum age of connections, each way (gRFC A9).
constexpr double age_jitter = 0.1;

/// A client on a unix socket usually has no address.
ConnectionKind kind_of(const ByteStream& stream, bool tls) noexcept {
  int family = stream.peer().family();
  socklen_t length = sizeof family;
  if (family == AF_UNSPEC) ::getsockopt(stream.descriptor(), SOL_SOCKET, SO_DOMAIN, &family, &length);
  return ConnectionKind::of(family, tls);
}

/// An option whose zero means no limit. A very long time must not overflow with its jitter.
Nanoseconds or_no_limit(std::chrono::milliseconds limit) {
  const bool none = limit <= std::chrono::milliseconds::zero() || limit >= std::chrono::years(100);
  return none ? Nanoseconds::max() : Nanoseconds(limit);
}

}  // namespace

ServerShard::ServerShard(Shard& shard, std::size_t shards, const MethodTable& methods,
                         const ServerOptions& options)
    : Part(shard, Role::whole),
      shard_(shard),
      methods_(methods),
      interceptors_(options.interceptors),
      tls_(options.tls),
      max_message_bytes_(options.max_message_bytes),
      max_response_bytes_(std::min(options.max_response_bytes.value_or(options.max_message_bytes),
                                   MessageBuffer::length_max)),
      memory_(shard, connections_, options.max_total_buffered_bytes / shards,
              std::max(max_message_bytes_, max_response_bytes_)),
      max_buffered_bytes_(
          std::clamp(options.max_buffered_bytes,
                     MemoryShare::least_limit_bytes(std::max(max_message_bytes_, max_response_bytes_)),
                     memory_.limit_bytes())),
      max_inflation_per_second_(options.max_inflation_per_second),
      age_rule_{.age = or_no_limit(options.max_connection_age),
                .grace = or_no_limit(options.max_connection_age_grace),
                .idle = or_no_limit(options.max_connection_idle)},
      // Differs between machines, processes and shards, but not between runs of a simulation. The shard is
      // running already, so this thread must not read its time.
      random_(static_cast<std::uint32_t>(shard.io().now().time_since_epoch().count()) + shard.index()),
      counts_metrics_(options.metrics),
      metrics_(options.metrics || options.access_log ? std::make_unique<ServerMetrics>(methods.size())
                                                     : nullptr),
      tracer_(ShardTracer::make(options.tracer)),
      returns_request_id_(options.return_request_id),
      holds_(shard.index()),
      memory_return_(shard) {
  if (options.access_log) access_log_.emplace(options.access_log);
  limits_.max_header_list_bytes = static_cast<std::uint32_t>(options.max_header_list_bytes);
  limits_.max_header_fields = options.max_header_fields;
  limits_.max_concurrent_streams = options.max_concurrent_streams;
  limits_.reset_burst = options.reset_burst;
  limits_.resets_per_second = options.resets_per_second;
  limits_.header_block_timeout = options.header_timeout;
  limits_.ping_interval_min = options.ping_interval_min;
  limits_.idle_ping_interval_min = options.idle_ping_interval_min;
  timeouts_.handshake = options.handshake_timeout;
  timeouts_.stall = options.stall_timeout;
  if (options.keepalive_time > Nanoseconds::zero())
    keepalive_rule_.time = std::max<Nanoseconds>(options.keepalive_time, server_keepalive_time_min);
  keepalive_rule_.timeout = options.keepalive_timeout;
  keepalive_rule_.without_calls = true;
}

ServerShard::~ServerShard() {
  if (metrics_) shard_.observe_turns(nullptr);
  end_all();
  while (ServerCall* const call = free_calls_.pop_front()) delete call;
}

std::optional<channelz::Part::CountedMethod> ServerShard::counted_method(std::size_t index) const {
  if (!counts_metrics_ || index > methods_.size()) return std::nullopt;
  const std::string_view path = index < methods_.size() ? methods_.at(index).path : std::string_view();
  return CountedMethod{.path = path, .calls = metrics_->calls()[index]};
}

/// Null if there is no memory for it.
ServerConnection* ServerShard::make_connection(UniqueFd descriptor, bool tls,
                                               PeerCounts::Hold counted) noexcept {
  try {
    std::unique_ptr<ByteStream> stream = shard_.io().adopt(std::move(descriptor));
    if (tls)
      stream =
          std::make_unique<TlsStream>(shard_, std::move(stream), detail::Internals::context(*tls_)->accept(),
                                      metrics_ ? &metrics_->connections.tls : nullptr);
    const ConnectionKind kind = kind_of(*stream, tls);
    return new ServerConnection(*this, std::move(stream), std::move(counted), kind);
  } catch (...) {
    (void)caught();
    return nullptr;
  }
}

/// Logs and counts a connection for which there is none.
bool ServerShard::has_room_for(const UniqueFd& descriptor, bool tls, const PeerKey& address) noexcept try {
  const std::size_t bytes = ServerConnection::first_bytes(tls);
  if (memory_.has_room(bytes)) return true;
  if (memory_.make_room({.connection = nullptr, .address = address, .held_bytes = 0, .more = bytes}))
    return true;
  const SocketAddress peer = shard_.io().peer(descriptor);
  ++counters_.connections_refused;
  if (metrics_) ++metrics_->connections.refused;
  if (const auto left_out = refused_logged_.take(shard_.now()))
    log::warn(
        "{}: closed at once: the connections of this shard and their calls hold {} of the {} bytes that "
        "ServerOptions::max_total_buffered_bytes (grpcd --max-total-buffered-size) allows, of which up to a "
        "sixteenth is kept for connections and addresses that hold little; raise it together with the "
        "memory of the process{}",
        peer.length > 0 ? to_string(peer) : "a client", memory_.held_bytes(), memory_.limit_bytes(),
        left_out->words());
  return false;
} catch (...) {
  (void)caught();
  return false;
}

void ServerShard::add(UniqueFd descriptor, bool tls, PeerCounts::Hold counted) noexcept {
  ServerConnection* const connection = has_room_for(descriptor, tls, counted.peer())
                                           ? make_connection(std::move(descriptor), tls, std::move(counted))
                                           : nullptr;
  if (!connection) {
    shard_.load().fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  connections_.push_back(*connection);
  if (metrics_) metrics_->connections.opened(connection->kind());
  memory_return_.connections_are(++counters_.connections_open, memory_.held_bytes());
  connection->begin();
  if (draining_) connection->drain();
}

std::shared_ptr<ConnectionWalk> ServerShard::begin_walk() {
  std::erase_if(walks_, [](const auto& walk) { return walk.use_count() == 1; });
  return walks_.emplace_back(std::make_shared<ConnectionWalk>(connections_));
}

void ServerShard::remove(ServerConnection& connection) noexcept {
  if (metrics_) metrics_->connections.closed(connection.kind());
  for (const auto& walk : walks_) walk->leave_out(connection);
  delete &connection;
  shard_.load().fetch_sub(1, std::memory_order_relaxed);
  memory_return_.connections_are(--counters_.connections_open, memory_.held_bytes());
  if (!connections_.empty()) return;
  for (auto& empty : std::exchange(on_empty_, {})) empty();
}

void ServerShard::report_goaway(const ServerConnection& client, http2::ErrorCode code,
                                std::string_view debug) {
  if (!log::enabled(log::Level::info)) return;
  if (const auto left_out = goaways_logged_.take(shard_.now()))
    log::info("{}: the client sent GOAWAY: {} {}{}", log::Field("peer", client.peer()), http2::name(code),
              debug, left_out->words());
}

void ServerShard::report_unsuited(const ServerConnection& client, std::string_view why) {
  if (!log::enabled(log::Level::info)) return;
  if (const auto left_out = unsuited_logged_.take(shard_.now()))
    log::info("{}: {}{}", log::Field("peer", client.peer()), why, left_out->words());
}

channelz::CallTotals ServerShard::calls() const {
  return {.started = counters_.calls_started,
          .succeeded = counters_.calls_succeeded,
          .failed = counters_.calls_failed,
          .last_started = channelz::wall_time(shard_, last_call_)};
}

void ServerShard::drain(std::move_only_function<void()> empty) {
  draining_ = true;
  if (connections_.empty()) return empty();
  on_empty_.push_back(std::move(empty));
  connections_.for_each([](ServerConnection& connection) { connection.drain(); });
}

std::uint64_t ServerShard::end_all() {
  std::uint64_t calls = 0;
  connections_.for_each([&](ServerConnection& connection) {
    calls += connection.calls_in_flight();
    remove(connection);
  });
  return calls;
}

Nanoseconds ServerShard::draw_age() {
  if (age_rule_.age == Nanoseconds::max()) return age_rule_.age;
  std::uniform_real_distribution<double> jitter(1 - age_jitter, 1 + age_jitter);
  return std::chrono::duration_cast<Nanoseconds>(age_rule_.age * jitter(random_));
}

std::array<char, request_id_digits> ServerShard::make_request_id() {
  if (!request_ids_) request_ids_.emplace();
  const std::uint64_t number = (*request_ids_)();
  std::array<std::uint8_t, sizeof number> bytes;
  std::memcpy(bytes.data(), &number, sizeof number);
  std::array<char, request_id_digits> digits;
  static_assert(digits.size() == 2 * bytes.size());
  write_hex(bytes, digits.data());
  return digits;
}

ServerCall& ServerShard::take_call() {
  ServerCall* const call = free_calls_.pop_front();
  if (!call) return *new ServerCall(shard_.slabs(), max_message_bytes_, max_response_bytes_);
  --kept_calls_;
  return *call;
}

/// Destroys none that was given back lately, because its member function may be running.
void ServerShard::give_back_call(ServerCall& call) noexcept {
  free_calls_.push_front(call);
  if (kept_calls_ < kept_calls_max)
    ++kept_calls_;
  else
    delete free_calls_.pop_back();
}

}  // namespace ringrpc
