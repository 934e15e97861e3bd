/// Pages over HTTP/2 with prior knowledge (RFC 9113, 3.3): several requests at once.
///
/// Each request is a stream with its own reply and its own timeouts. A request with a body gets 413.
/// http2::Session limits what the peer can make the connection hold or do.
#pragma once

#include <cstddef>

#include "admin/page_session.h"
#include "http2/session.h"
#include "reactor/intrusive_list.h"

namespace ringrpc::admin {

class AdminShard;

struct ExchangeTag;

class Http2Pages final : public PageSession, private http2::SessionEvents {
 public:
  Http2Pages(AdminShard& owner, Carrier& carrier);
  ~Http2Pages() override;

  Status receive(Bytes bytes) override { return session_.receive(bytes); }
  void end_input() override { session_.end_input(); }
  void produce(Chain& out, std::size_t bytes_max) override { session_.produce(out, bytes_max); }
  bool finished() const noexcept override { return session_.finished(); }
  bool wants_input() const noexcept override { return true; }
  http1::WaitsFor waits_for() noexcept override;
  Instant waits_since() const noexcept override { return since_; }
  Instant next_deadline(bool sending) noexcept override;
  bool on_deadline() override;

 private:
  class Exchange;

  enum class State : std::uint8_t {
    preface,  ///< the peer's SETTINGS have not arrived
    idle,     ///< no stream is open
    busy,
    ended,  ///< the last GOAWAY is due
  };

  // http2::SessionEvents
  void on_request(http2::Stream& stream) override;
  bool on_headers_too_large(http2::Stream& stream) override;
  void on_goaway(std::uint32_t, http2::ErrorCode, std::string_view) override {}
  void on_ping_ack(std::uint64_t) override {}
  void on_settings() override { enter(State::idle); }

  void enter(State next) noexcept;
  Exchange& begin(http2::Stream& stream);
  void exchange_closed() noexcept;
  Instant wait_end() const noexcept;

  AdminShard& owner_;
  Carrier& carrier_;
  State state_ = State::preface;
  Instant since_;  ///< when the state began, or the last request
  http2::Session session_;
  ListOf<Exchange, ExchangeTag> exchanges_;
};

}  // namespace ringrpc::admin
