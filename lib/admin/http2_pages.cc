#include "admin/http2_pages.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/admin_shard.h"
#include "admin/page_reply.h"
#include "http1/characters.h"
#include "http1/http_date.h"
#include "http1/response.h"
#include "reactor/timer.h"

namespace ringrpc::admin {
namespace {

/// The queue of a response's body is filled up to here; the session asks for more below its low-water mark.
constexpr std::size_t body_queue_bytes = 64 * 1024;

/// A request with a shorter body gets its 413 when it is complete, so that a fault in it is still reported.
constexpr std::size_t awaited_body_bytes = 16 * 1024;

/// The response to a gRPC call, which was meant for another port. Clients show its message to their users. It
/// does not wait for the request's end: many calls end only after a response.
constexpr std::array<http2::Header, 4> call_refusal = {
    {{.name = ":status", .value = "200", .static_storage = true},
     {.name = "content-type", .value = "application/grpc", .static_storage = true},
     {.name = "grpc-status", .value = "9", .static_storage = true},  // FAILED_PRECONDITION: do not call again
     {.name = "grpc-message",
      .value = "these are the pages for operators; call an address on which the server listens for calls",
      .static_storage = true}}};

bool valid_target(std::string_view target) noexcept {
  return target.starts_with('/') && std::ranges::all_of(target, [](char c) {
           return http1::target_bytes[static_cast<unsigned char>(c)];
         });
}

}  // namespace

/// One stream: a request, and the reply to it.
///
///   arriving ---- the request is complete ----> making ---- the page ----> sending ----> closed
///      |                                                                      ^
///      +-------------------------------- a refusal ---------------------------+
class Http2Pages::Exchange final : public ListNodeOf<ExchangeTag>,
                                   private ExceptionBarrier<Exchange>,
                                   private http2::StreamEvents,
                                   private PageReply::Receiver,
                                   private Timer {
 public:
  Exchange(Http2Pages& pages, http2::Stream& stream)
      : pages_(pages), stream_(stream), reply_(pages.owner_, *this) {
    stream.set_events(this);
    arm(pages_.owner_.options().header_timeout);
  }

  /// Reads the head of the request. The page is requested when the peer has ended the stream.
  void read_head();
  void refuse(int status, std::string text) { reply_.refuse(status, std::move(text)); }
  bool waits_for_page() const noexcept { return phase_ == Phase::making; }

 private:
  enum class Phase : std::uint8_t { arriving, making, sending };

  friend ExceptionBarrier<Exchange>;
  void on_exception(const Status& /*why*/) noexcept { pages_.carrier_.finish(); }

  // http2::StreamEvents
  void on_data(Bytes bytes) override;
  void on_end() override;
  void on_writable() override { send_pieces(); }
  void on_closed(http2::ErrorCode, bool) override;

  // PageReply::Receiver
  void on_reply() override;
  void on_no_reply() noexcept override { pages_.carrier_.finish(); }

  void on_time() override {
    contain([this] { time_out(); });
  }

  /// Asserts that the drawing has this step.
  void enter(Phase next) noexcept {
    assert(phase_ < next);
    phase_ = next;
  }
  void refuse_body() { refuse(413, "Requests have no body here.\n"); }
  void refuse_call();
  void time_out();
  void send_pieces();
  void arm(Nanoseconds timeout) noexcept {
    Shard& shard = pages_.owner_.shard();
    shard.timers().arm(*this, after(shard.now(), timeout));
  }

  Http2Pages& pages_;
  http2::Stream& stream_;
  Phase phase_ = Phase::arriving;
  Method method_ = Method::other;
  PageRequest request_;
  std::size_t body_bytes_ = 0;  ///< of the request; they are dropped
  PageReply reply_;
};

void Http2Pages::Exchange::read_head() {
  std::string_view target;
  for (const auto& [name, value, never_indexed, is_static] : stream_.headers()) {
    if (name == "content-type" && value.starts_with("application/grpc")) return refuse_call();
    if (name == ":method") method_ = method_of(value);
    if (name == ":path") target = value;
    if ((name == ":authority" || name == "host") && !pages_.carrier_.admits_host(value))
      return reply_.refuse_host();
    if (name == "accept" && request_.accept.empty()) request_.accept = value;
  }
  if (method_ == Method::other) return;  // such as CONNECT and OPTIONS, whose targets differ
  if (target.size() > pages_.owner_.http1_limits().target_bytes_max)
    return refuse(414, "The request target is too long.\n");
  if (!valid_target(target)) return refuse(400, "The path is malformed (RFC 9113, 8.3.1).\n");
  const std::size_t path_end = std::min(target.find('?'), target.size());
  request_.path = target.substr(0, path_end);
  request_.query = target.substr(std::min(path_end + 1, target.size()));
}

void Http2Pages::Exchange::on_data(Bytes bytes) {
  pages_.session_.consumed(stream_, bytes.size());
  body_bytes_ += bytes.size();
  if (phase_ == Phase::arriving && body_bytes_ > awaited_body_bytes) refuse_body();
}

void Http2Pages::Exchange::on_end() {
  if (phase_ != Phase::arriving) return;
  if (body_bytes_ > 0) return refuse_body();
  enter(Phase::making);
  arm(pages_.owner_.options().page_timeout);
  reply_.request(method_, std::move(request_));
}

void Http2Pages::Exchange::refuse_call() {
  pages_.session_.send_headers(stream_, call_refusal, true);
  enter(Phase::sending);
  arm(pages_.owner_.options().write_timeout);
  pages_.session_.reset(stream_, http2::ErrorCode::no_error);
  pages_.carrier_.flush_soon();
}

/// If the request has not ended by then, RST_STREAM(NO_ERROR) follows the response (RFC 9113, 8.1).
void Http2Pages::Exchange::on_reply() {
  const std::string status = fmt::format_int(reply_.status()).str();
  const std::string length = fmt::format_int(reply_.body_bytes()).str();
  const auto date = http1::http_date(pages_.owner_.time_of_day());
  std::vector<http2::Header> headers{{.name = ":status", .value = status}};
  for (const http1::Field& field : reply_.fields())
    headers.push_back({.name = field.name, .value = field.value});
  headers.push_back({.name = "date", .value = {date.data(), date.size()}});
  if (http1::has_body(reply_.status())) headers.push_back({.name = "content-length", .value = length});
  const bool ends = method_ == Method::head || reply_.body_bytes() == 0;
  pages_.session_.send_headers(stream_, headers, ends);
  enter(Phase::sending);
  arm(pages_.owner_.options().write_timeout);
  if (ends)
    pages_.session_.reset(stream_, http2::ErrorCode::no_error);
  else
    send_pieces();
  pages_.carrier_.flush_soon();
}

void Http2Pages::Exchange::send_pieces() {
  while (stream_.queued_bytes() < body_queue_bytes) {
    const std::string_view piece = reply_.next_piece();
    if (piece.empty()) return;
    reply_.passed(piece.size());
    const bool last = reply_.next_piece().empty();
    pages_.session_.send_data(stream_, as_bytes(piece), last);
    if (last) pages_.session_.reset(stream_, http2::ErrorCode::no_error);
  }
}

void Http2Pages::Exchange::time_out() {
  switch (phase_) {
    case Phase::arriving:
      return refuse(408, "The request took too long to arrive.\n");
    case Phase::making:
      return reply_.time_out();
    case Phase::sending:
      pages_.session_.reset(stream_, http2::ErrorCode::cancel);
      pages_.carrier_.flush_soon();
  }
}

void Http2Pages::Exchange::on_closed(http2::ErrorCode, bool) {
  Http2Pages& pages = pages_;
  delete this;
  pages.exchange_closed();
}

Http2Pages::Http2Pages(AdminShard& owner, Carrier& carrier)
    : owner_(owner),
      carrier_(carrier),
      since_(owner.shard().now()),
      session_(http2::Role::server, owner.http2_limits(), owner.shard().now(), owner.shard().slabs(), *this) {
}

Http2Pages::~Http2Pages() {
  exchanges_.for_each([](Exchange& exchange) { delete &exchange; });
}

void Http2Pages::on_request(http2::Stream& stream) { begin(stream).read_head(); }

bool Http2Pages::on_headers_too_large(http2::Stream& stream) {
  begin(stream).refuse(431, "The header fields are too large.\n");
  return true;
}

Http2Pages::Exchange& Http2Pages::begin(http2::Stream& stream) {
  auto* const exchange = new Exchange(*this, stream);
  exchanges_.push_back(*exchange);
  if (state_ == State::idle) enter(State::busy);
  since_ = owner_.shard().now();
  return *exchange;
}

void Http2Pages::exchange_closed() noexcept {
  if (exchanges_.empty() && state_ == State::busy) enter(State::idle);
}

void Http2Pages::enter(State next) noexcept {
  assert(state_ != next && state_ != State::ended);
  state_ = next;
  since_ = owner_.shard().now();
}

http1::WaitsFor Http2Pages::waits_for() noexcept {
  if (state_ == State::preface) return http1::WaitsFor::head;
  if (state_ == State::idle) return http1::WaitsFor::request;
  bool page = false;
  exchanges_.for_each([&](Exchange& exchange) { page |= exchange.waits_for_page(); });
  return page ? http1::WaitsFor::response : http1::WaitsFor::peer;
}

Instant Http2Pages::wait_end() const noexcept {
  if (state_ == State::preface) return after(since_, owner_.options().header_timeout);
  return state_ == State::idle ? after(since_, owner_.options().idle_timeout) : never;
}

Instant Http2Pages::next_deadline(bool /*sending*/) noexcept {
  return std::min(session_.next_deadline(), wait_end());
}

bool Http2Pages::on_deadline() {
  (void)session_.tick();
  if (owner_.shard().now() < wait_end()) return true;
  const bool preface = state_ == State::preface;
  enter(State::ended);
  if (preface)
    session_.terminate(http2::ErrorCode::settings_timeout, "the preface did not arrive in time");
  else
    session_.terminate(http2::ErrorCode::no_error, "the connection was idle");
  return true;
}

}  // namespace ringrpc::admin
