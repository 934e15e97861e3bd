#include "admin/http1_pages.h"

#include <chrono>

#include "admin/admin_shard.h"

namespace ringrpc::admin {

using http1::WaitsFor;

Http1Pages::Http1Pages(AdminShard& owner, Carrier& carrier) noexcept
    : owner_(owner),
      carrier_(carrier),
      session_(owner.http1_limits(), owner.shard().slabs(), *this),
      reply_(owner, *this),
      waits_since_(owner.shard().now()) {}

void Http1Pages::on_request_end() {
  if (!carrier_.admits_host(request_->host)) return reply_.refuse_host();
  reply_.request(method_of(request_->method), {.path = std::string(request_->path),
                                               .query = std::string(request_->query),
                                               .accept = std::string(request_->field("accept"))});
}

/// The rest follows as the session becomes writable.
void Http1Pages::on_reply() {
  http1::Response head{.status = reply_.status(), .fields = reply_.fields()};
  if (http1::has_body(reply_.status())) head.content_length = reply_.body_bytes();
  session_.begin(head);
  send_pieces();
  carrier_.flush_soon();
}

void Http1Pages::send_pieces() {
  for (;;) {
    const std::string_view piece = reply_.next_piece();
    if (piece.empty()) return session_.finish();
    if (!session_.writable()) return;
    session_.send(as_bytes(piece));
    reply_.passed(piece.size());
  }
}

void Http1Pages::on_response_end() {
  reply_.reset();
  request_ = nullptr;
  waits_for_ = WaitsFor::nothing;  // each response has its own time
}

void Http1Pages::on_aborted(const Status& /*why*/) {
  reply_.reset();
  request_ = nullptr;
}

std::chrono::sys_seconds Http1Pages::time_of_day() { return owner_.time_of_day(); }

Instant Http1Pages::next_deadline(bool sending) noexcept {
  const WaitsFor waits_for = sending ? WaitsFor::peer : session_.waits_for();
  if (waits_for != waits_for_) {
    waits_for_ = waits_for;
    waits_since_ = owner_.shard().now();
  }
  return after(waits_since_, timeout());
}

Nanoseconds Http1Pages::timeout() const noexcept {
  const AdminOptions& options = owner_.options();
  switch (waits_for_) {
    case WaitsFor::request:
      return options.idle_timeout;
    case WaitsFor::head:
    case WaitsFor::body:
      return options.header_timeout;
    case WaitsFor::response:
      return options.page_timeout;
    case WaitsFor::peer:
    case WaitsFor::nothing:
      break;
  }
  return options.write_timeout;
}

bool Http1Pages::on_deadline() {
  if (waits_for_ == WaitsFor::peer) return false;
  if (waits_for_ == WaitsFor::response)
    reply_.time_out();
  else
    session_.time_out();
  return true;
}

}  // namespace ringrpc::admin
