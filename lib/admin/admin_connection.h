/// One connection to the admin server: carries bytes between a stream and an HTTP/1.1 session, and requests to
/// pages.
///
///   open ---- the session is finished ----> lingering ---- the peer closes, or 1 s ----> over
///     |                                                                                   ^
///     +-------------------------- a failure, or a timeout -------------------------------+
///
/// 1. Received bytes go to the session. When a request is complete, the connection requests its page, and
///    stops reading the stream until the response is sent.
/// 2. At the end of the turn, the session's output leaves in one send. A body goes to the session in pieces,
///    as the client reads them.
/// 3. When the session is finished the connection sends nothing more and reads until the peer closes, because
///    closing with unread input would lose the last response (RFC 9112, 9.6).
///
/// Belongs to its shard and is on the list of its AdminShard, which destroys it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "admin/page_runner.h"
#include "base/caught.h"
#include "http1/session.h"
#include "reactor/io.h"
#include "reactor/ready_list.h"
#include "reactor/shard.h"
#include "reactor/timer.h"

namespace ringrpc::admin {

class AdminShard;

struct ConnectionTag;

class AdminConnection final : public ExceptionBarrier<AdminConnection>,
                              public ListNodeOf<ConnectionTag>,
                              private PageRunner::Client,
                              private ByteStream::Handler,
                              private http1::SessionEvents,
                              private TurnEnd,
                              private Ready,
                              private Timer {
 public:
  AdminConnection(AdminShard& owner, std::unique_ptr<ByteStream> stream);
  ~AdminConnection() override;

  /// Begins to receive. Call once.
  void start();

  /// True while it waits for a request, and the time at which the wait began.
  bool idle() const noexcept { return phase_ == Phase::open && waits_for_ == http1::WaitsFor::request; }
  Instant idle_since() const noexcept { return waits_since_; }

 private:
  enum class Phase : std::uint8_t { open, lingering, over };

  friend ExceptionBarrier<AdminConnection>;
  void on_exception(const Status& why) noexcept;

  // ByteStream::Handler
  void on_received(Bytes bytes) override;
  void on_receive_end(int error) override;
  void on_sent(int error) override;

  // http1::SessionEvents
  void on_request(const http1::Request& request) override { request_ = &request; }
  void on_body(Bytes bytes) override { session_.consumed(bytes.size()); }
  void on_request_end() override;
  void on_writable() override { send_pieces(); }
  void on_response_end() override;
  void on_aborted(const Status& why) override;
  std::chrono::sys_seconds time_of_day() override;

  void on_page(Result<PageResponse> response) noexcept override;

  void on_turn_end() override;
  void on_time() override;
  void run() override;

  void respond(PageResponse response);
  void respond_plain(int status, std::string text);
  void send_pieces();
  void release_body() noexcept;
  void leave_page() noexcept;
  void flush_soon() noexcept;
  void flush();
  void watch();
  Nanoseconds timeout_of(http1::WaitsFor waits) const noexcept;
  void end_wait();
  void begin_linger();
  void finish() noexcept;

  AdminShard& owner_;
  std::unique_ptr<ByteStream> stream_;
  http1::Session session_;
  Phase phase_ = Phase::open;
  http1::WaitsFor waits_for_ = http1::WaitsFor::nothing;  ///< as last watched
  Instant waits_since_;
  bool sending_ = false;
  bool receiving_ = true;
  bool peer_ended_ = false;
  const http1::Request* request_ = nullptr;  ///< the request that is served
  PageRunner* page_ = nullptr;               ///< the page that it waits for
  std::string body_;                         ///< of the response
  std::size_t body_sent_bytes_ = 0;
};

}  // namespace ringrpc::admin
