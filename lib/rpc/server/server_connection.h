/// One client's connection to the server: requests become calls.
///
/// Checks what gRPC asks of a request's headers (PROTOCOL-HTTP2.md, "Requests"), finds the method and hands
/// the rest to the call. Belongs to its shard and to the shard's list of connections.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>

#include "ringrpc/server.h"

#include "reactor/intrusive_list.h"
#include "reactor/turn_gate.h"
#include "rpc/connection/connection.h"
#include "rpc/connection/keepalive.h"
#include "rpc/message/work_line.h"
#include "rpc/server/connection_age.h"
#include "rpc/server/inflation_budget.h"
#include "rpc/server/server_call.h"
#include "transport/peer_counts.h"

namespace ringrpc {

class ServerShard;

struct ConnectionTag;

class ServerConnection final : public Connection,
                               public ListNodeOf<ConnectionTag>,
                               private http2::SessionEvents {
 public:
  ServerConnection(ServerShard& owner, std::unique_ptr<ByteStream> stream, PeerCounts::Hold counted);
  ~ServerConnection() override;

  /// Begins to serve, and to age. Call once.
  void begin();

  /// Tells the peer to go elsewhere and ends when the calls in flight have: two GOAWAYs with a round trip, at
  /// most 5 s, in between. Draining twice is draining once.
  void drain();

  bool draining() const noexcept { return draining_; }
  std::size_t calls_in_flight() const noexcept { return calls_in_flight_; }
  ServerCounters& counters() noexcept;
  std::span<Interceptor* const> interceptors() const noexcept;
  const PeerIdentity& peer_identity() const noexcept { return peer_identity_; }

  // For its calls.
  void join_batch(ServerCall& call) noexcept {
    if (!call.ListNodeOf<BatchTag>::linked()) batch_.push_back(call);
  }
  void count_written(std::size_t bytes) noexcept { written_bytes_ += bytes; }
  /// A message is about to be parsed that takes so many bytes of memory: a measure of the time it takes.
  void count_parsed(std::size_t bytes) noexcept { batch_bytes_ += bytes; }
  /// OK while a message may be decompressed.
  Status check_inflation();
  InflationBudget& inflation() noexcept { return inflation_; }
  /// What a call may take of memory beside what all of them hold.
  std::size_t room_bytes() const noexcept;
  /// Whether a handler may read on. One that has read much since the clock was last looked at reads on later,
  /// when the shard has looked at it, and perhaps at others.
  bool may_go_on(ServerCall& call);
  WorkLine& work_line() noexcept { return work_line_; }
  /// A call that held `before` bytes of input and output now holds `now`.
  void account(std::size_t before, std::size_t now) noexcept;
  /// Lets every call say it again.
  void recount();
  /// OK while the calls, these and all of the shard, hold no more than they may, with `more` bytes on top.
  Status check_buffered(std::size_t more);
  void give_back(ServerCall& call) noexcept;

 private:
  /// The second step of a drain when the peer does not answer the PING in time.
  class DrainTimer final : public ringrpc::Timer {
   public:
    explicit DrainTimer(ServerConnection& connection) noexcept : connection_(connection) {}
    void on_time() override {
      connection_.contain([this] { connection_.finish_drain(); });
    }

   private:
    ServerConnection& connection_;
  };

  /// What is left of a batch that has had its time.
  class BatchTurn final : public TurnGate::Waiter {
   public:
    explicit BatchTurn(ServerConnection& connection) noexcept : connection_(connection) {}

   private:
    void run() override {
      connection_.contain([this] { connection_.go_on_with_batch(); });
    }

    ServerConnection& connection_;
  };

  /// A request that is not gRPC's. It gets its response once it has ended: clients of plain HTTP do not expect one
  /// before they have sent everything.
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
    const std::size_t header_bytes_;
  };

  struct Request;

  bool on_batch() noexcept override;
  void run_batch(Instant end);
  void keep_batch() noexcept;
  void wait_for_turn(TurnGate& turns);
  void go_on_with_batch();
  void on_output_held(std::size_t bytes) override;
  void on_lost(const Status& why) noexcept override;
  void report(const Status& why) const;
  Output output() override;
  void on_watch() override;
  void on_half_close() override;

  void on_request(http2::Stream& stream) override;
  bool on_headers_too_large(http2::Stream& stream) override;
  void on_goaway(std::uint32_t last_stream_id, http2::ErrorCode code, std::string_view debug) override;
  void on_ping_ack(std::uint64_t opaque) override;
  void on_settings() override;

  void forget_plain(const http2::Stream& stream) noexcept;
  void answer_not_grpc(http2::Stream& stream);
  void refuse(http2::Stream& stream, const Status& status, std::string_view http_status = "200");
  Status headers_too_large(std::string_view hint = {}) const;
  void finish_drain();

  ServerShard& owner_;
  const PeerCounts::Hold counted_;
  ListOf<ServerCall, CallTag> calls_;
  ListOf<ServerCall, BatchTag> batch_;
  std::map<std::uint32_t, PlainRequest> plain_requests_;  // by the stream's id
  BatchTurn batch_turn_{*this};
  bool in_batch_ = false;
  std::size_t batch_bytes_ = 0;  // of messages parsed since the clock was last read
  WorkLine work_line_;
  InflationBudget inflation_;
  std::size_t calls_in_flight_ = 0;
  std::size_t buffered_bytes_ = 0;
  std::size_t output_bytes_ = 0;  // of those, what has left the calls and not yet the process
  std::uint64_t written_bytes_ = 0;
  bool draining_ = false;
  bool greeted_ = false;
  PeerIdentity peer_identity_;  // none before the greeting
  Keepalive keepalive_;
  ConnectionAge age_;
  DrainTimer drain_timer_{*this};
};

}  // namespace ringrpc
