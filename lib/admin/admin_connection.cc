#include "admin/admin_connection.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "ringrpc/log.h"

#include "admin/admin_shard.h"
#include "transport/address.h"

namespace ringrpc::admin {
namespace {

using http1::WaitsFor;

constexpr std::size_t flush_bytes_max = 64 * 1024;
constexpr std::size_t piece_bytes = 16 * 1024;
constexpr std::chrono::seconds linger_timeout{1};

int http_status(Code code) noexcept {
  return code == Code::UNAVAILABLE || code == Code::RESOURCE_EXHAUSTED ? 503 : 500;
}

}  // namespace

AdminConnection::AdminConnection(AdminShard& owner, std::unique_ptr<ByteStream> stream)
    : owner_(owner),
      stream_(std::move(stream)),
      session_(owner.limits(), owner.shard().slabs(), *this),
      waits_since_(owner.shard().now()) {}

AdminConnection::~AdminConnection() {
  leave_page();
  release_body();
}

void AdminConnection::start() {
  contain([this] {
    stream_->start(*this);
    watch();
  });
}

void AdminConnection::on_exception(const Status& /*why*/) noexcept { finish(); }

void AdminConnection::on_received(Bytes bytes) {
  if (phase_ != Phase::open) return;
  contain([&] {
    const bool broken = !session_.failure().ok();
    const Status status = session_.receive(bytes);
    if (!status.ok() && !broken && log::enabled(log::Level::debug))
      log::debug("admin {}: {}", to_string(stream_->peer()), status.to_string());
    flush_soon();
  });
}

void AdminConnection::on_receive_end(int error) {
  if (phase_ == Phase::over) return;
  peer_ended_ = true;
  if (phase_ == Phase::lingering || error != 0) return finish();
  contain([this] {
    session_.end_input();
    flush_soon();
  });
}

void AdminConnection::on_sent(int error) {
  sending_ = false;
  if (phase_ == Phase::over) return;
  if (error != 0) return finish();
  flush_soon();
}

void AdminConnection::on_request_end() {
  if (request_->method != "GET" && request_->method != "HEAD") {
    const std::array<http1::Field, 2> fields = {
        {{"allow", "GET, HEAD"}, {"content-type", "text/plain; charset=utf-8"}}};
    return session_.respond({.status = 405, .fields = fields},
                            as_bytes("The pages are read with GET or HEAD.\n"));
  }
  page_ = owner_.pages().find(request_->path);
  if (!page_) return respond_plain(404, owner_.pages().list());
  page_->request(*this, {.path = std::string(request_->path),
                         .query = std::string(request_->query),
                         .accept = std::string(request_->field("accept"))});
}

void AdminConnection::on_page(Result<PageResponse> response) noexcept {
  page_ = nullptr;
  contain([&] {
    if (response) return respond(*std::move(response));
    respond_plain(http_status(response.error().code()), std::string(response.error().message()) + '\n');
  });
}

void AdminConnection::respond_plain(int status, std::string text) {
  respond({.status = status, .body = std::move(text)});
}

/// The rest follows as the session becomes writable.
void AdminConnection::respond(PageResponse response) {
  if (response.status < 200 || response.status > 599)
    response = {.status = 500, .body = "The page has an invalid status.\n"};
  if (!http1::has_body(response.status)) response.body.clear();
  if (const int refused = owner_.hold(response.body.size()); refused != 0) {
    response = {.status = refused,
                .body = refused == 500 ? "The page is too large.\n" : "Too many pages are being sent.\n"};
    owner_.hold_always(response.body.size());
  }
  body_ = std::move(response.body);
  body_sent_bytes_ = 0;
  const std::array<http1::Field, 4> fields = {
      {{"content-type", response.content_type},
       {"cache-control", "no-store"},
       {"x-content-type-options", "nosniff"},
       {"content-security-policy", response.content_security_policy}}};
  http1::Response head{.status = response.status,
                       .fields = std::span(fields).first(response.content_security_policy.empty() ? 3 : 4)};
  if (http1::has_body(response.status)) head.content_length = body_.size();
  session_.begin(head);
  send_pieces();
  flush_soon();
}

void AdminConnection::send_pieces() {
  while (body_sent_bytes_ < body_.size() && session_.writable()) {
    const std::string_view piece = std::string_view(body_).substr(body_sent_bytes_, piece_bytes);
    session_.send(as_bytes(piece));
    body_sent_bytes_ += piece.size();
  }
  if (body_sent_bytes_ == body_.size()) session_.finish();
}

void AdminConnection::release_body() noexcept {
  owner_.release(body_.size());
  std::string().swap(body_);
}

void AdminConnection::leave_page() noexcept {
  if (page_) std::exchange(page_, nullptr)->forget(*this);
}

void AdminConnection::on_response_end() {
  release_body();
  request_ = nullptr;
  waits_for_ = WaitsFor::nothing;  // each response has its own time
}

void AdminConnection::on_aborted(const Status& /*why*/) {
  leave_page();
  release_body();
  request_ = nullptr;
}

std::chrono::sys_seconds AdminConnection::time_of_day() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

void AdminConnection::flush_soon() noexcept { owner_.shard().at_turn_end(*this); }

void AdminConnection::on_turn_end() {
  contain([this] { flush(); });
}

void AdminConnection::flush() {
  if (phase_ != Phase::open) return;
  if (!sending_) {
    Chain out(owner_.shard().slabs());
    session_.produce(out, flush_bytes_max);
    if (out.empty() && session_.finished()) return begin_linger();
    sending_ = !out.empty();
    if (sending_) stream_->send(std::move(out));
  }
  const bool wants_input = session_.wants_input();
  if (wants_input != receiving_) wants_input ? stream_->resume_receiving() : stream_->pause_receiving();
  receiving_ = wants_input;
  watch();
}

void AdminConnection::watch() {
  const WaitsFor waits_for = sending_ ? WaitsFor::peer : session_.waits_for();
  if (waits_for == waits_for_) return;
  waits_for_ = waits_for;
  waits_since_ = owner_.shard().now();
  owner_.shard().timers().arm(*this, after(waits_since_, timeout_of(waits_for)));
}

Nanoseconds AdminConnection::timeout_of(WaitsFor waits) const noexcept {
  const AdminOptions& options = owner_.options();
  switch (waits) {
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

void AdminConnection::on_time() {
  contain([this] { end_wait(); });
}

void AdminConnection::end_wait() {
  if (phase_ == Phase::lingering || waits_for_ == WaitsFor::peer) return finish();
  if (waits_for_ == WaitsFor::response) {
    leave_page();
    return respond_plain(504, "The page was not ready in time.\n");
  }
  session_.time_out();
  flush_soon();
}

void AdminConnection::begin_linger() {
  phase_ = Phase::lingering;
  stream_->shutdown_send();
  if (peer_ended_) return finish();
  if (!receiving_) stream_->resume_receiving();
  owner_.shard().timers().arm(*this, after(owner_.shard().now(), linger_timeout));
}

/// The owner destroys the connection, from the ready list.
void AdminConnection::finish() noexcept {
  if (phase_ == Phase::over) return;
  phase_ = Phase::over;
  cancel();
  leave_page();
  owner_.shard().ready().push(*this);
}

void AdminConnection::run() { owner_.remove(*this); }

}  // namespace ringrpc::admin
