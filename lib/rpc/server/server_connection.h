/// One client's connection to the server: requests become calls.
///
/// Checks a request's headers (PROTOCOL-HTTP2.md, "Requests"), finds the method and begins a call, which
/// takes the stream's events from then on. Belongs to its shard and is on the shard's list of connections.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>

#include "ringrpc/server.h"

#include "observe/shard_tracer.h"
#include "reactor/intrusive_list.h"
#include "rpc/connection/connection.h"
#include "rpc/connection/keepalive.h"
#include "rpc/message/work_line.h"
#include "rpc/server/call_batch.h"
#include "rpc/server/connection_age.h"
#include "rpc/server/connection_drain.h"
#include "rpc/server/inflation_budget.h"
#include "rpc/server/server_call.h"
#include "rpc/server/server_metrics.h"
#include "rpc/server/shard_access_log.h"
#include "transport/peer_counts.h"

namespace ringrpc {

class ServerShard;

struct ConnectionTag;

class ServerConnection final : public Connection,
                               public ListNodeOf<ConnectionTag>,
                               private http2::SessionEvents {
 public:
  /// The memory of a connection that was just accepted.
  static std::size_t first_bytes(bool tls) noexcept;

  ServerConnection(ServerShard& owner, std::unique_ptr<ByteStream> stream, PeerCounts::Hold counted,
                   ConnectionKind kind);
  ~ServerConnection() override;

  /// Begins to serve, and starts the timer of the connection's age. Call once.
  void begin();

  /// Lets the calls in flight finish and has the client open no more (rpc/server/connection_drain.h). No
  /// effect when the connection drains already.
  void drain();

  bool draining() const noexcept { return drain_.begun(); }
  /// Awaits the beginning of the drain.
  ConnectionDrain::Wait drain_begins() noexcept { return drain_.begins(); }
  std::size_t calls_in_flight() const noexcept { return calls_in_flight_; }
  /// True if there is neither a call nor another request.
  bool idle() const noexcept { return calls_in_flight_ == 0 && plain_requests_.empty(); }
  /// Where it is idle, the time since which it is.
  Instant idle_since() const noexcept { return age_.idle_since(); }
  /// Identifies the client's address.
  PeerKey address() const noexcept { return counted_.peer(); }
  /// The memory that the connection and its calls hold.
  std::size_t held_bytes() const noexcept { return held_bytes_; }
  /// Closes the connection at once, to make room for others. Returns the bytes that this frees in this turn.
  std::size_t give_way();
  /// Calls `visit` for each of the `most` calls that began first.
  template <class Visit>
  void visit_calls(std::size_t most, Visit visit) {
    ServerCall* call = calls_.front();
    for (; call && most > 0; --most, call = calls_.after(*call)) visit(*call);
  }
  ServerCounters& counters() noexcept;
  /// Null if metrics are off and there is no access log.
  ServerMetrics* metrics() noexcept;
  /// Null if there is none.
  ShardAccessLog* access_log() noexcept;
  /// Null if there is none.
  ShardTracer* tracer() noexcept;
  /// True if each call has something to do at its beginning: for its trace, or for its request id.
  bool follows_calls() const noexcept { return follows_calls_; }
  bool returns_request_id() const noexcept;
  /// True if calls without a request id get one.
  bool makes_request_ids() noexcept;
  std::array<char, request_id_digits> make_request_id();
  ConnectionKind kind() const noexcept { return kind_; }
  std::span<Interceptor* const> interceptors() const noexcept;
  const PeerIdentity& peer_identity() const noexcept { return peer_identity_; }

  // For its calls.
  ServerShard& part() noexcept { return owner_; }
  CallBatch& batch() noexcept { return batch_; }
  void count_written(std::size_t bytes) noexcept { written_bytes_ += bytes; }
  /// A call has failed.
  void keep_failure(std::string_view method, const Status& status) noexcept;
  /// A call ends because it has exceeded `limit`.
  void count_refused(CallLimit limit) noexcept;
  /// OK while a message may be decompressed.
  Status check_inflation();
  InflationBudget& inflation() noexcept { return inflation_; }
  /// The memory that its calls may still take.
  std::size_t room_bytes() const noexcept;
  WorkLine& work_line() noexcept { return work_line_; }
  /// A part of it that held `before` bytes now holds `now`.
  void account(std::size_t before, std::size_t now) noexcept;
  /// True if the client reads more slowly than it is sent to.
  bool holds_output() const noexcept { return output_bytes_ > 0; }
  /// Lets every call update its account.
  void recount();
  /// OK while `more` bytes exceed neither this connection's limit nor what the shard has for it.
  Status check_buffered(std::size_t more);
  void give_back(ServerCall& call) noexcept;

 private:
  /// A request that is not gRPC. It gets its response once it is complete, because plain HTTP
  /// clients do not expect one earlier.
  class PlainRequest final : public http2::StreamEvents {
   public:
    PlainRequest(ServerConnection& connection, http2::Stream& stream);
    PlainRequest(const PlainRequest&) = delete;
    PlainRequest& operator=(const PlainRequest&) = delete;
    ~PlainRequest();

    http2::Stream& stream() const noexcept { return stream_; }
    Instant begun() const noexcept { return begun_; }

   private:
    void on_data(Bytes bytes) override { connection_.session().consumed(stream_, bytes.size()); }
    void on_end() override;
    void on_closed(http2::ErrorCode, bool) override { connection_.forget_plain(stream_); }

    ServerConnection& connection_;
    http2::Stream& stream_;
    const Instant begun_;
    const std::size_t held_bytes_;
  };

  bool on_batch() noexcept override;
  void on_output_held(std::size_t bytes) override;
  void on_socket_held(std::size_t before, std::size_t now) override { account_own(before, now); }
  void on_fields_remembered(std::size_t before, std::size_t now) override;
  void on_lost(const Status& why) noexcept override;
  void report(const Status& why) const;
  Output output() override;
  void on_watch() override;
  void on_half_close() override;
  void on_linger() override;
  bool awaits_reader() const noexcept override;

  void on_request(http2::Stream& stream) override;
  bool on_headers_too_large(http2::Stream& stream) override;
  void on_goaway(std::uint32_t last_stream_id, http2::ErrorCode code, std::string_view debug) override;
  void on_goaway_sent(http2::ErrorCode code) override;
  void on_stall(bool connection) override;
  void on_ping_ack(std::uint64_t opaque) override;
  void on_settings() override;

  void forget_plain(const http2::Stream& stream) noexcept;
  void refuse_not_grpc(http2::Stream& stream);
  /// The call keeps `unregistered`, which is `method` or null.
  void serve(http2::Stream& stream, const RegisteredMethod& method, const RequestFields& request,
             std::unique_ptr<const RegisteredMethod> unregistered);
  void serve_unregistered(http2::Stream& stream, const RequestFields& request);
  /// `method` is null if it is unknown.
  void refuse(http2::Stream& stream, const RegisteredMethod* method, const Status& status,
              std::string_view http_status = "200");
  void trace_refused(const http2::Stream& stream, const RegisteredMethod* method,
                     const Status& status) noexcept;
  Status headers_too_large(http2::StreamFault limit, std::string_view hint = {});
  void account_own(std::size_t before, std::size_t now) noexcept;
  [[gnu::cold, gnu::noinline]] Status make_room(std::size_t more);
  bool finds_room(std::size_t more);
  void count_start() noexcept;

  ServerShard& owner_;
  const PeerCounts::Hold counted_;
  const ConnectionKind kind_;
  const bool follows_calls_;
  std::uint32_t own_bytes_ = 0;  // of held_bytes_: the connection's own, without calls
  ListOf<ServerCall, CallTag> calls_;
  CallBatch batch_{*this};
  std::map<std::uint32_t, PlainRequest> plain_requests_;  // by the stream's id
  WorkLine work_line_;
  InflationBudget inflation_;
  std::size_t calls_in_flight_ = 0;
  std::size_t held_bytes_ = 0;    // of the connection and its calls
  std::size_t output_bytes_ = 0;  // of held_bytes_: has left the calls and not yet the process
  std::size_t given_way_bytes_ = 0;
  std::uint64_t written_bytes_ = 0;
  PeerIdentity peer_identity_;  // empty until the client's preface has arrived
  Keepalive keepalive_;
  ConnectionAge age_;
  ConnectionDrain drain_{*this};
};

}  // namespace ringrpc
