/// One shard's part of a server: its connections, its pool of calls, its counters.
///
/// Belongs to the shard's thread; `counters` is read from others through `Shard::post`.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "ringrpc/server.h"

#include "base/log_quota.h"
#include "base/random.h"
#include "base/testing_export.h"
#include "http2/session.h"
#include "observe/shard_tracer.h"
#include "reactor/shard.h"
#include "rpc/channelz/registry.h"
#include "rpc/connection/keepalive.h"
#include "rpc/server/connection_age.h"
#include "rpc/server/connection_walk.h"
#include "rpc/server/handler_holds.h"
#include "rpc/server/memory_return.h"
#include "rpc/server/memory_share.h"
#include "rpc/server/method_table.h"
#include "rpc/server/server_connection.h"
#include "rpc/server/server_metrics.h"
#include "rpc/server/shard_access_log.h"
#include "transport/peer_counts.h"

namespace ringrpc {

class ServerShard final : public channelz::Part {
 public:
  /// `shards` is the number of the server's shards.
  RINGRPC_TESTING_EXPORT ServerShard(Shard& shard, std::size_t shards, const MethodTable& methods,
                                     const ServerOptions& options);
  ServerShard(const ServerShard&) = delete;
  ServerShard& operator=(const ServerShard&) = delete;
  /// Closes the remaining connections at once.
  RINGRPC_TESTING_EXPORT ~ServerShard();

  /// Serves a connection that the shard's load already counts, with TLS if `tls`, and keeps `counted` until
  /// it closes. Closes the connection at once if there is no memory for it, in the system or in the server's
  /// share.
  RINGRPC_TESTING_EXPORT void add(UniqueFd connection, bool tls = false,
                                  PeerCounts::Hold counted = {}) noexcept;
  void remove(ServerConnection& connection) noexcept;

  /// Drains all connections, including those that are added later. Calls `empty` when none is left. May be
  /// called again; each `empty` is called.
  RINGRPC_TESTING_EXPORT void drain(std::move_only_function<void()> empty);
  /// Closes all connections at once. Returns the number of calls that were in flight.
  RINGRPC_TESTING_EXPORT std::uint64_t end_all();

  /// Counts the shard's turns from now on, if metrics are on.
  void observe_turns() noexcept {
    if (metrics_) shard_.observe_turns(&metrics_->turns);
  }

  /// Calls `visit` for the `most` connections that were accepted first.
  template <class Visit>
  void visit_oldest(std::size_t most, Visit visit) {
    ServerConnection* connection = connections_.front();
    for (; connection && most > 0; --most, connection = connections_.after(*connection)) visit(*connection);
  }
  /// The same for those that were accepted last, from the last one.
  template <class Visit>
  void visit_newest(std::size_t most, Visit visit) {
    ServerConnection* connection = connections_.back();
    for (; connection && most > 0; --most, connection = connections_.before(*connection)) visit(*connection);
  }

  /// From the first connection on. Do not step the walk after this object was destroyed.
  std::shared_ptr<ConnectionWalk> begin_walk();

  channelz::CallTotals calls() const override;
  channelz::Connectivity state() const override { return channelz::Connectivity::ready; }
  std::optional<CountedMethod> counted_method(std::size_t index) const override;

  /// True once a drain has begun.
  bool draining() const noexcept { return draining_; }
  Shard& shard() noexcept { return shard_; }
  const MethodTable& methods() const noexcept { return methods_; }
  std::size_t max_buffered_bytes() const noexcept { return max_buffered_bytes_; }
  std::size_t max_inflation_per_second() const noexcept { return max_inflation_per_second_; }
  MemoryShare& memory() noexcept { return memory_; }
  /// A part of a connection that held `before` bytes now holds `now`.
  void account(std::size_t before, std::size_t now) noexcept {
    memory_.account(before, now);
    memory_return_.hold(memory_.held_bytes());
  }
  const http2::Limits& limits() const noexcept { return limits_; }
  const ConnectionTimeouts& timeouts() const noexcept { return timeouts_; }
  const KeepaliveRule& keepalive_rule() const noexcept { return keepalive_rule_; }
  const AgeRule& age_rule() const noexcept { return age_rule_; }
  /// The maximum age of a new connection. It varies, so that connections of the same age
  /// do not all close together.
  Nanoseconds draw_age();
  std::span<Interceptor* const> interceptors() const noexcept { return interceptors_; }
  ServerCounters& counters() noexcept { return counters_; }
  /// A call has begun in this turn.
  void note_call() noexcept { last_call_ = shard_.now(); }
  /// Null if the options have metrics off, and no access log.
  ServerMetrics* metrics() noexcept { return metrics_.get(); }
  /// Null if there is no access log.
  ShardAccessLog* access_log() noexcept { return access_log_ ? &*access_log_ : nullptr; }
  /// Null if there is none.
  ShardTracer* tracer() noexcept { return tracer_.get(); }
  bool returns_request_id() const noexcept { return returns_request_id_; }
  std::array<char, request_id_digits> make_request_id();
  /// The bytes that all connections and their calls hold.
  std::size_t buffered_bytes() const noexcept { return memory_.held_bytes(); }
  ShardSnapshot snapshot() const noexcept {
    return {.index = shard_.index(),
            .connections_open = counters_.connections_open,
            .calls_started = counters_.calls_started,
            .calls_succeeded = counters_.calls_succeeded,
            .calls_failed = counters_.calls_failed,
            .buffered_bytes = buffered_bytes(),
            .turns = shard_.turns(),
            .turn_p50 = turn_quantile(0.5),
            .turn_p99 = turn_quantile(0.99)};
  }

  /// A handler of that path has run since `begun` (base/ticks.h).
  void check_hold(std::string_view path, std::uint64_t begun) noexcept {
    if (holds_.check(path, begun) && metrics_) ++metrics_->turns.handler_holds;
  }

  // Log lines about clients, at level info and limited per kind.
  void report_goaway(const ServerConnection& client, http2::ErrorCode code, std::string_view debug);
  /// `why`: how the client's TLS and this server's are incompatible.
  void report_unsuited(const ServerConnection& client, std::string_view why);

  ServerCall& take_call();
  void give_back_call(ServerCall& call) noexcept;
  /// The number of calls given back that wait to be taken again.
  std::size_t kept_calls() const noexcept { return kept_calls_; }

 private:
  static constexpr std::size_t kept_calls_max = 256;

  Nanoseconds turn_quantile(double share) const noexcept {
    return Nanoseconds(metrics_ ? metrics_->turns.time.quantile(share) : 0);
  }

  bool has_room_for(const UniqueFd& descriptor, bool tls, const PeerKey& address) noexcept;
  ServerConnection* make_connection(UniqueFd descriptor, bool tls, PeerCounts::Hold counted) noexcept;

  Shard& shard_;
  const MethodTable& methods_;
  std::vector<Interceptor*> interceptors_;
  std::shared_ptr<ServerTls> tls_;
  std::size_t max_message_bytes_;
  std::size_t max_response_bytes_;
  MemoryShare memory_;
  std::size_t max_buffered_bytes_;
  std::size_t max_inflation_per_second_;
  http2::Limits limits_;
  ConnectionTimeouts timeouts_;
  KeepaliveRule keepalive_rule_;
  AgeRule age_rule_;
  std::minstd_rand random_;
  ServerCounters counters_;
  Instant last_call_;
  const bool counts_metrics_;
  std::unique_ptr<ServerMetrics> metrics_;
  std::optional<ShardAccessLog> access_log_;
  const ShardTracer::Ref tracer_;
  const bool returns_request_id_;
  std::optional<Random> request_ids_;  // once one was made
  HandlerHolds holds_;
  LogQuota refused_logged_;
  LogQuota goaways_logged_;
  LogQuota unsuited_logged_;
  ListOf<ServerCall, CallTag> free_calls_;  // on the list that those in use have of their connection
  std::size_t kept_calls_ = 0;
  MemoryReturn memory_return_;
  ListOf<ServerConnection, ConnectionTag> connections_;
  std::vector<std::shared_ptr<ConnectionWalk>> walks_;  // a walk is over if only this list holds it
  bool draining_ = false;
  std::vector<std::move_only_function<void()>> on_empty_;
};

}  // namespace ringrpc
