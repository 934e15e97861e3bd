/// The numbers of one shard of a server, beside its ServerCounters.
///
///   metrics.of(method).start();
///   metrics.opened(kind);
///
/// Belongs to the shard's thread. A reader merges the shards in steps (reactor/shard_tour.h) into
/// `ServerTotals`, and writes them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ringrpc/server_snapshot.h"
#include "ringrpc/task.h"

#include "http2/error_code.h"
#include "observe/call_text.h"
#include "observe/process_metrics.h"
#include "reactor/shard.h"
#include "reactor/slices.h"
#include "rpc/server/method_table.h"
#include "rpc/server/recent_failures.h"
#include "transport/tls_counters.h"

namespace ringrpc {

/// The transport of a connection, for its metrics.
struct ConnectionKind {
  enum class Transport : std::uint8_t { tcp, unix_socket, vsock, other };

  /// Of a socket of that family (AF_INET).
  static ConnectionKind of(int family, bool tls) noexcept;

  Transport transport = Transport::other;
  bool tls = false;
};

/// "tcp", "unix", "vsock" or "other".
std::string_view name(ConnectionKind::Transport transport) noexcept;

/// A limit that a call has exceeded, which failed it with RESOURCE_EXHAUSTED.
enum class CallLimit : std::uint8_t {
  message_bytes,
  response_bytes,
  header_list_bytes,
  buffered_bytes,        ///< of its connection
  total_buffered_bytes,  ///< of the shard's share
  inflation_per_second,
};

/// Counters of a shard's connections.
struct ConnectionMetrics {
  static constexpr std::size_t kinds = 8;
  /// RFC 9113's codes, and one for all others.
  static constexpr std::size_t error_codes = 15;
  static constexpr std::size_t call_limits = 6;

  static std::size_t index_of(ConnectionKind kind) noexcept {
    return std::size_t{2} * static_cast<std::size_t>(kind.transport) + (kind.tls ? 1 : 0);
  }
  static std::size_t index_of(http2::ErrorCode code) noexcept {
    return std::min<std::size_t>(static_cast<std::uint32_t>(code), error_codes - 1);
  }

  void opened(ConnectionKind kind) noexcept { ++accepted[index_of(kind)]; }
  void closed(ConnectionKind kind) noexcept { ++ended[index_of(kind)]; }
  void received_goaway(http2::ErrorCode code) noexcept { ++goaways_received[index_of(code)]; }
  void sent_goaway(http2::ErrorCode code) noexcept { ++goaways_sent[index_of(code)]; }
  void reset(http2::ErrorCode code, bool by_peer) noexcept {
    ++(by_peer ? resets_received : resets_sent)[index_of(code)];
  }
  void refused_call(CallLimit limit) noexcept { ++calls_refused[static_cast<std::size_t>(limit)]; }
  void add(const ConnectionMetrics& other) noexcept;

  std::array<std::uint64_t, kinds> accepted{};
  std::array<std::uint64_t, kinds> ended{};
  std::array<std::uint64_t, error_codes> goaways_received{};
  std::array<std::uint64_t, error_codes> goaways_sent{};
  std::array<std::uint64_t, error_codes> resets_received{};  ///< of calls, by the client
  std::array<std::uint64_t, error_codes> resets_sent{};      ///< of calls, by the server
  std::array<std::uint64_t, call_limits> calls_refused{};    ///< by CallLimit
  std::uint64_t refused = 0;                                 ///< connections for which there was no memory
  std::uint64_t gave_way = 0;                                ///< connections that were closed to make room
  std::uint64_t drained = 0;            ///< connections that were asked to open no more calls
  std::uint64_t stream_stalls = 0;      ///< responses that had to wait for their stream's window
  std::uint64_t connection_stalls = 0;  ///< the same with the connection's window
  TlsCounters tls;
};

/// The turns of a shard.
class TurnMetrics final : public TurnObserver {
 public:
  void on_turn(Nanoseconds busy, unsigned ran) noexcept override {
    time.record(static_cast<std::uint64_t>(std::max(busy, Nanoseconds::zero()).count()));
    ready_run += ran;
  }

  LatencyHistogram time;            ///< nanoseconds, without the wait for events
  std::uint64_t ready_run = 0;      ///< elements of the ready list
  std::uint64_t handler_holds = 0;  ///< steps of handlers that held the shard
};

/// Numbers of a shard that belong to all its users.
struct ShardNumbers {
  /// The ready list is counted up to this length, which takes some microseconds.
  static constexpr std::size_t ready_list_max = 4096;

  unsigned index;
  std::uint64_t turns;
  IoCounters io;
  std::uint64_t ready_list;  ///< its length now
  TurnMetrics turn_metrics;
};

class ServerMetrics {
 public:
  explicit ServerMetrics(std::size_t methods) : calls_(methods + 1) {}

  CallMetrics& of(const RegisteredMethod& method) noexcept { return calls_[method.index]; }
  /// Of all unknown methods together.
  CallMetrics& of_unknown() noexcept { return calls_.back(); }
  /// By the methods' indices, then that of the unknown ones.
  const std::vector<CallMetrics>& calls() const noexcept { return calls_; }

  ConnectionMetrics connections;
  TurnMetrics turns;
  RecentFailures failures;

 private:
  std::vector<CallMetrics> calls_;
};

/// The labels of each method by its index, then those of the unknown ones.
std::vector<std::string> metric_labels(const MethodTable& table);

/// The sum of all shards, and the numbers that belong to no shard.
struct ServerTotals {
  /// Adds the metrics of some methods, from `next_method` on, until a slice of time is over. Adds the rest of
  /// the shard's numbers with the first ones. True once all have been added; `next_method` is 0 then.
  bool add_some(const ServerMetrics& shard, std::size_t buffered, Slices& slice);
  /// Adds the numbers of `shard` that belong to all its users.
  void add(Shard& shard, const TurnMetrics& turns) {
    shards.push_back({.index = shard.index(),
                      .turns = shard.turns(),
                      .io = shard.io().counters(),
                      .ready_list = shard.ready().count(ShardNumbers::ready_list_max),
                      .turn_metrics = turns});
  }

  /// Frees the memory of the methods, which takes long, in slices.
  Task<> free(Slices& slices);

  std::vector<MethodMetrics> methods;  ///< in the order of metric_labels; filled by the reader
  std::size_t next_method = 0;
  ConnectionMetrics connections;
  std::uint64_t buffered_bytes = 0;
  std::uint64_t connections_refused = 0;
  std::uint64_t connections_refused_of_address = 0;
  std::uint64_t accept_errors = 0;
  std::vector<CertificateSnapshot> certificates;
  std::vector<ShardNumbers> shards;
  std::uint64_t log_lines_lost = 0;
  ProcessMetrics process;
};

/// Writes everything, in slices. The arguments must outlive the task.
Task<> write_server(MetricsText& text, const ServerTotals& totals, Slices& slices);

}  // namespace ringrpc
