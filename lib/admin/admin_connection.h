/// One connection to the admin server: carries bytes between a stream and the session of its protocol,
/// HTTP/1.1 or HTTP/2 with prior knowledge.
///
///   undecided ---> open ---- the session is finished ----> lingering ---- the peer closes, or 1 s ----> over
///       |           |  a fault ^                                                                         ^
///       |           +--> failed                                                                          |
///       +---------------- an error of the stream, or a timeout -----------------------------------------+
///
/// 1. The first bytes decide the protocol. They wait until then.
/// 2. Received bytes go to the session, which requests pages and stops reading the stream if it must.
/// 3. At the end of the turn, the session's output leaves in one send.
/// 4. After a fault of the peer what arrives is dropped, and the rest of the output leaves.
/// 5. When the session is finished the connection sends nothing more and reads until the peer closes, because
///    closing with unread input would lose the last response (RFC 9112, 9.6).
///
/// Belongs to its shard and is on the list of its AdminShard, which destroys it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "admin/page_session.h"
#include "base/caught.h"
#include "http1/protocol.h"
#include "reactor/io.h"
#include "reactor/peer_key.h"
#include "reactor/ready_list.h"
#include "reactor/shard.h"
#include "reactor/timer.h"

namespace ringrpc::admin {

class AdminShard;

struct ConnectionTag;

class AdminConnection final : public ExceptionBarrier<AdminConnection>,
                              public ListNodeOf<ConnectionTag>,
                              private PageSession::Carrier,
                              private ByteStream::Handler,
                              private TurnEnd,
                              private Ready,
                              private Timer {
 public:
  AdminConnection(AdminShard& owner, std::unique_ptr<ByteStream> stream);

  /// Begins to receive. Call once.
  void start();

  const PeerKey& peer() const noexcept { return peer_; }
  /// The event that it waits for, and the time at which the wait began.
  http1::WaitsFor waits_for() noexcept;
  Instant waits_since() const noexcept { return session_ ? session_->waits_since() : begun_; }

 private:
  enum class Phase : std::uint8_t { undecided, open, failed, lingering, over };
  enum class Input : std::uint8_t { reading, paused, ended };

  /// Asserts that the drawing has this step.
  void enter(Phase next) noexcept;
  void enter(Input next) noexcept;

  friend ExceptionBarrier<AdminConnection>;
  void on_exception(const Status& why) noexcept;

  // ByteStream::Handler
  void on_received(Bytes bytes) override;
  void on_receive_end(int error) override;
  void on_sent(int error) override;

  void on_turn_end() override;
  void on_time() override;
  void run() override;

  // PageSession::Carrier
  bool admits_host(std::string_view host) noexcept override;
  void flush_soon() noexcept override;
  void finish() noexcept override;

  bool sending() const noexcept { return send_deadline_ != never; }

  void decide(Bytes bytes);
  void begin(http1::Protocol protocol);
  void receive(Bytes bytes);
  void flush();
  void steer_input();
  void watch();
  Instant next_deadline() noexcept;
  void end_wait();
  void begin_linger();

  AdminShard& owner_;
  std::unique_ptr<ByteStream> stream_;
  const PeerKey peer_;
  std::unique_ptr<PageSession> session_;  ///< null while undecided
  Phase phase_ = Phase::undecided;
  Input input_ = Input::reading;
  Instant send_deadline_ = never;  ///< of the output on its way
  Instant begun_;                  ///< when the peer connected, or began to send while undecided
  std::array<std::uint8_t, http1::protocol_bytes> first_;  ///< bytes before the protocol is known
  std::size_t first_bytes_ = 0;
};

}  // namespace ringrpc::admin
