/// Pages over HTTP/1.1: one request after the other.
///
/// While a response is made or sent, the connection is read no further. A body goes to the session in pieces,
/// as the client reads them.
#pragma once

#include "admin/page_reply.h"
#include "admin/page_session.h"

namespace ringrpc::admin {

class Http1Pages final : public PageSession, private http1::SessionEvents, private PageReply::Receiver {
 public:
  Http1Pages(AdminShard& owner, Carrier& carrier) noexcept;

  Status receive(Bytes bytes) override { return session_.receive(bytes); }
  void end_input() override { session_.end_input(); }
  void produce(Chain& out, std::size_t bytes_max) override { session_.produce(out, bytes_max); }
  bool finished() const noexcept override { return session_.finished(); }
  bool wants_input() const noexcept override { return session_.wants_input(); }
  http1::WaitsFor waits_for() noexcept override { return waits_for_; }
  Instant waits_since() const noexcept override { return waits_since_; }
  Instant next_deadline(bool sending) noexcept override;
  bool on_deadline() override;

 private:
  // http1::SessionEvents
  void on_request(const http1::Request& request) override { request_ = &request; }
  void on_body(Bytes bytes) override { session_.consumed(bytes.size()); }
  void on_request_end() override;
  void on_writable() override { send_pieces(); }
  void on_response_end() override;
  void on_aborted(const Status& why) override;
  std::chrono::sys_seconds time_of_day() override;

  void on_reply() override;
  void on_no_reply() noexcept override { carrier_.finish(); }

  void send_pieces();
  Nanoseconds timeout() const noexcept;

  AdminShard& owner_;
  Carrier& carrier_;
  http1::Session session_;
  PageReply reply_;
  const http1::Request* request_ = nullptr;               ///< the request that is served
  http1::WaitsFor waits_for_ = http1::WaitsFor::nothing;  ///< when last asked
  Instant waits_since_;
};

}  // namespace ringrpc::admin
