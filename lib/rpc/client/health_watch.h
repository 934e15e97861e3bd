/// The health of the server behind a connection, as its health service reports it (gRFC A17).
///
/// 1. `begin` opens a stream of grpc.health.v1.Health/Watch. Until its first message, the health is not known.
/// 2. Each message says whether the server serves.
/// 3. A stream that fails, or has no message within the connect timeout, is opened again after a backoff;
///    or, if it had a message, one second after it began or at once. Meanwhile the server counts as unhealthy.
/// 4. A server without the health service counts as healthy as long as the connection lasts.
///
///   asking ──▶ serving ⇄ not_serving
///    ▲  │         │         │
///    │  ├─────────┴─────────┘
///    │  ▼
///   waiting            asking ──▶ not_offered, which serving and not_serving may become, too
///
/// The stream is no call: no interceptor sees it, and it counts in no metrics and in no numbers of channelz.
/// Belongs to its Subchannel, whose `run` follows each change.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ringrpc/bytes.h"
#include "ringrpc/clock.h"
#include "ringrpc/connectivity.h"
#include "ringrpc/status.h"

#include "base/caught.h"
#include "http2/session.h"
#include "reactor/shard.h"
#include "rpc/message/message_buffer.h"
#include "rpc/naming/backoff_state.h"

namespace ringrpc {

class ClientConnection;
class Subchannel;

class HealthWatch final : ExceptionBarrier<HealthWatch>, http2::StreamEvents, Timer {
 public:
  /// Asks for the health of `service`; the empty name stands for the whole server.
  HealthWatch(Subchannel& subchannel, ClientConnection& connection, std::string service);
  HealthWatch(const HealthWatch&) = delete;
  HealthWatch& operator=(const HealthWatch&) = delete;
  /// Cancels the stream.
  ~HealthWatch() override { drop_stream(); }

  /// Opens the stream. Call once.
  void begin() noexcept;
  /// The connection is lost. Only the destructor may follow.
  void on_connection_lost() noexcept { stream_ = nullptr; }

  const ClientConnection& connection() const noexcept { return connection_; }
  const std::string& service() const noexcept { return service_; }
  /// Of the server: `ready`, `transient_failure`, or `connecting` while it is not known.
  Connectivity state() const noexcept;
  /// The reason why the server counts as unhealthy.
  const Status& failure() const noexcept { return failure_; }
  /// True if it has a stream on the connection.
  bool streams() const noexcept { return stream_ != nullptr; }

 private:
  enum class Phase : std::uint8_t { asking, serving, not_serving, waiting, not_offered };

  friend ExceptionBarrier<HealthWatch>;
  void on_exception(const Status& why) noexcept { end(why); }

  // http2::StreamEvents
  void on_headers() override;
  void on_data(Bytes bytes) override;
  void on_trailers() override;
  void on_end() override;
  void on_closed(http2::ErrorCode code, bool by_peer) override;
  void on_time() override;

  void open();
  void read_status();
  void take(Bytes bytes);
  void note(std::uint64_t serving_status);
  void fail(const Status& why);
  void end(const Status& why) noexcept;
  void drop_stream() noexcept;
  void enter(Phase next) noexcept;
  bool open_phase() const noexcept { return phase_ < Phase::waiting; }
  Status without_status() const;

  Subchannel& subchannel_;
  ClientConnection& connection_;
  const std::string service_;
  Phase phase_ = Phase::waiting;
  http2::Stream* stream_ = nullptr;
  std::uint32_t http_status_ = 0;
  bool is_grpc_ = false;
  bool heard_ = false;  // a message has arrived on the stream
  std::optional<Status> grpc_status_;
  MessageBuffer buffer_;
  BackoffState backoff_;
  Instant began_ = Instant::min();
  Status failure_;
};

}  // namespace ringrpc
