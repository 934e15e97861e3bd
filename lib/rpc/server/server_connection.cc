#include "rpc/server/server_connection.h"

#include <algorithm>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "ringrpc/log.h"

#include "observe/call_span.h"
#include "rpc/server/request_fields.h"
#include "rpc/server/server_shard.h"
#include "rpc/wire/response_headers.h"
#include "rpc/wire/trace_headers.h"

namespace ringrpc {
namespace {

// Memory as measured, without the calls.
constexpr std::size_t open_bytes = 15 * 1024;
constexpr std::size_t tls_bytes = 14 * 1024;            // more with TLS …
constexpr std::size_t tls_handshake_bytes = 34 * 1024;  // … and more during its handshake
constexpr std::size_t plain_request_bytes = 128;

/// A client that has the server remember no more header fields than usual does not lose its connection for them.
constexpr std::size_t usual_fields_bytes = 4 * 1024;

Status malformed(std::string message) { return Status(Code::INTERNAL, std::move(message), Initiator::peer); }

}  // namespace

std::size_t ServerConnection::first_bytes(bool tls) noexcept {
  return open_bytes + (tls ? tls_bytes + tls_handshake_bytes : 0);
}

ServerConnection::ServerConnection(ServerShard& owner, std::unique_ptr<ByteStream> stream,
                                   PeerCounts::Hold counted, ConnectionKind kind)
    : Connection(owner, std::move(stream), http2::Role::server, owner.limits(), owner.timeouts(), *this),
      owner_(owner),
      counted_(std::move(counted)),
      kind_(kind),
      follows_calls_(owner.tracer() || owner.returns_request_id()),
      work_line_(owner.shard()),
      inflation_(owner.max_inflation_per_second()),
      keepalive_(*this, owner.keepalive_rule()),
      age_(*this, owner.age_rule(), owner.draw_age()) {
  account_own(0, first_bytes(kind.tls));
}

ServerConnection::~ServerConnection() {
  calls_.for_each([](ServerCall& call) { call.abandon(); });
  plain_requests_.clear();
  account(held_bytes_, 0);
  owner_.memory().has_left(given_way_bytes_);
}

void ServerConnection::begin() {
  start();
  age_.start();
}

/// The first SETTINGS complete the client's preface. The transport knows the client's identity by then.
void ServerConnection::on_settings() {
  if (is_established()) return;
  established();
  if (kind_.tls) account_own(tls_handshake_bytes, 0);
  peer_identity_ = ask_peer_identity();
  if (!log::enabled(log::Level::debug)) return;
  const std::string who = to_string(peer_identity_);
  log::debug("{}: connected{}{}", log::Field("peer", peer()), who.empty() ? "" : ": ",
             log::Field("identity", who));
}

void ServerConnection::drain() {
  if (ServerMetrics* const metrics = owner_.metrics(); metrics && !draining() && !lingers())
    ++metrics->connections.drained;
  drain_.begin();
}

ServerCounters& ServerConnection::counters() noexcept { return owner_.counters(); }

void ServerConnection::count_start() noexcept {
  ++counts().streams_started;
  ++owner_.counters().calls_started;
}

ServerMetrics* ServerConnection::metrics() noexcept { return owner_.metrics(); }

ShardAccessLog* ServerConnection::access_log() noexcept { return owner_.access_log(); }

ShardTracer* ServerConnection::tracer() noexcept { return owner_.tracer(); }

bool ServerConnection::returns_request_id() const noexcept { return owner_.returns_request_id(); }

bool ServerConnection::makes_request_ids() noexcept {
  return owner_.tracer() || owner_.access_log() || owner_.returns_request_id();
}

std::array<char, request_id_digits> ServerConnection::make_request_id() { return owner_.make_request_id(); }

std::span<Interceptor* const> ServerConnection::interceptors() const noexcept {
  return owner_.interceptors();
}

void ServerConnection::on_request(http2::Stream& stream) {
  const RequestFields request(stream);
  if (!request.is_grpc()) {
    if (request.post && request.other_codec) return refuse_not_grpc(stream);
    plain_requests_.try_emplace(stream.id(), *this, stream);
    if (const Status status = check_buffered(0); !status.ok()) {
      forget_plain(stream);
      refuse(stream, nullptr, status, "503");
    }
    return;
  }
  const RegisteredMethod* method = owner_.methods().find(request.path);
  if (!request.malformed_field.name.empty())
    return refuse(
        stream, method,
        malformed("malformed " + excerpt(request.malformed_field.name) + " \"" +
                  excerpt(request.malformed_field.value) + "\"" + std::string(request.malformed_why)),
        "400");
  if (request.listed_values != 0 &&
      stream.headers().size() + request.listed_values > owner_.limits().max_header_fields)
    return refuse(stream, method,
                  headers_too_large(http2::StreamFault::header_fields,
                                    "; each value of binary metadata counts as a field"));
  if (!method) [[unlikely]]
    return serve_unregistered(stream, request);
  serve(stream, *method, request, nullptr);
}

/// By the fallback, if there is one.
void ServerConnection::serve_unregistered(http2::Stream& stream, const RequestFields& request) {
  std::unique_ptr<const RegisteredMethod> method = owner_.methods().unregistered(request.path);
  if (!method) return refuse(stream, nullptr, owner_.methods().unknown(excerpt(request.path)));
  const RegisteredMethod& own = *method;
  serve(stream, own, request, std::move(method));
}

void ServerConnection::serve(http2::Stream& stream, const RegisteredMethod& method,
                             const RequestFields& request,
                             std::unique_ptr<const RegisteredMethod> unregistered) {
  const RegisteredMethod* const known = unregistered ? nullptr : &method;
  if (!request.compression)
    return refuse(stream, known,
                  Status(Code::UNIMPLEMENTED,
                         "grpc-encoding \"" + excerpt(request.encoding) +
                             "\" is not supported, these are: " + std::string(compression_names),
                         Initiator::peer));
  if (request.timeout <= Nanoseconds::zero())
    return refuse(
        stream, known,
        Status(Code::DEADLINE_EXCEEDED, "the deadline had passed when the request arrived", Initiator::peer));

  ServerCall& call = owner_.take_call();
  stream.keep_headers();
  calls_.push_back(call);
  ++calls_in_flight_;
  count_start();
  if (unregistered) [[unlikely]]
    call.keep(std::move(unregistered));
  call.begin(*this, stream, method, request);
}

void ServerConnection::refuse(http2::Stream& stream, const RegisteredMethod* method, const Status& status,
                              std::string_view http_status) {
  count_start();
  ++counters().calls_failed;
  ++this->counts().streams_ended;
  if (ServerMetrics* const metrics = owner_.metrics()) {
    CallMetrics& calls = method ? metrics->of(*method) : metrics->of_unknown();
    calls.start();
    calls.end(status.code(), Nanoseconds::zero(), {});
    keep_failure(method ? method->path : unknown_method, status);
    if (ShardAccessLog* const log = owner_.access_log())
      log->add(*this, &stream, {.method = excerpt(RequestFields(stream).path), .code = status.code()});
  }
  if (owner_.tracer()) [[unlikely]]
    trace_refused(stream, method, status);
  if (log::enabled(log::Level::debug)) log::debug("{}: {}", log::Field("peer", peer()), status.to_string());
  send_refusal(session(), stream, http_status, status);
  session().reset(stream, http2::ErrorCode::no_error);  // the rest of the request is not needed
}

/// The call has a span, too; not the name of a method that is unknown, because clients
/// could make any number of them.
void ServerConnection::trace_refused(const http2::Stream& stream, const RegisteredMethod* method,
                                     const Status& status) noexcept try {
  ShardTracer& tracer = *owner_.tracer();
  const std::optional<TraceContext> parent =
      tracer.propagates() ? read_trace(stream.headers()) : std::nullopt;
  const TraceContext* const from = parent ? &*parent : nullptr;
  TraceContext own{.trace_id = parent ? parent->trace_id : tracer.make_trace_id(),
                   .span_id = tracer.make_span_id()};
  if (!tracer.sampler().samples(own.trace_id, from) || !tracer.records()) return;
  own.flags = TraceContext::sampled_flag;
  if (parent) own.state = parent->state;
  const Instant now = shard().io().now();
  CallSpan span(SpanKind::server, "Recv.", method ? method->path : unknown_method, own, from,
                /*remote=*/true, now);
  tracer.take(std::move(span).finish(status, now));
} catch (...) {
  // There is no memory for the span.
}

ServerConnection::PlainRequest::PlainRequest(ServerConnection& connection, http2::Stream& stream)
    : connection_(connection),
      stream_(stream),
      begun_(connection.shard().now()),
      held_bytes_(plain_request_bytes + http2::Session::stream_bytes + http2::kept_bytes(stream.headers())) {
  stream.keep_headers();
  stream.set_events(this);
  connection.account(0, held_bytes_);
}

ServerConnection::PlainRequest::~PlainRequest() {
  stream_.set_events(nullptr);
  connection_.account(held_bytes_, 0);
}

void ServerConnection::PlainRequest::on_end() {
  connection_.refuse_not_grpc(stream_);
  connection_.forget_plain(stream_);
}

/// Destroys the request.
void ServerConnection::forget_plain(const http2::Stream& stream) noexcept {
  plain_requests_.erase(stream.id());
}

void ServerConnection::refuse_not_grpc(http2::Stream& stream) {
  const RequestFields request(stream);
  if (!request.post) return send_wrong_method(session(), stream, !request.head);
  refuse(stream, nullptr, malformed("the content-type is not application/grpc"), "415");
}

void ServerConnection::keep_failure(std::string_view method, const Status& status) noexcept {
  if (ServerMetrics* const metrics = owner_.metrics())
    metrics->failures.add({.code = status.code(),
                           .method = method,
                           .peer = peer(),
                           .message = status.message(),
                           .at = shard().now()});
}

void ServerConnection::count_refused(CallLimit limit) noexcept {
  if (ServerMetrics* const metrics = owner_.metrics()) metrics->connections.refused_call(limit);
}

Status ServerConnection::headers_too_large(http2::StreamFault limit, std::string_view hint) {
  count_refused(CallLimit::header_list_bytes);
  const http2::Limits& limits = owner_.limits();
  const std::string exceeded = limit == http2::StreamFault::header_fields
                                   ? std::to_string(limits.max_header_fields) + " fields"
                                   : std::to_string(limits.max_header_list_bytes) + " bytes";
  return Status(Code::RESOURCE_EXHAUSTED, "the request's headers exceed " + exceeded + std::string(hint),
                Initiator::peer);
}

bool ServerConnection::on_headers_too_large(http2::Stream& stream) {
  refuse(stream, nullptr, headers_too_large(stream.fault()));
  return true;
}

void ServerConnection::on_goaway(std::uint32_t, http2::ErrorCode code, std::string_view debug) {
  counts().receive_goaway(static_cast<std::uint32_t>(code));
  if (ServerMetrics* const metrics = owner_.metrics()) metrics->connections.received_goaway(code);
  if (code != http2::ErrorCode::no_error) owner_.report_goaway(*this, code, debug);
}

void ServerConnection::on_goaway_sent(http2::ErrorCode code) {
  if (ServerMetrics* const metrics = owner_.metrics()) metrics->connections.sent_goaway(code);
}

void ServerConnection::on_stall(bool connection) {
  if (ServerMetrics* const metrics = owner_.metrics())
    ++(connection ? metrics->connections.connection_stalls : metrics->connections.stream_stalls);
}

bool ServerConnection::on_batch() noexcept {
  keepalive_.on_activity();
  if (counts().streams_begun()) owner_.note_call();
  contain([this] { batch_.serve(); });
  return true;
}

Connection::Output ServerConnection::output() {
  Output output{.written_bytes = written_bytes_};
  calls_.for_each([&](const ServerCall& call) {
    output.waiting_bytes += call.unsent_bytes();
    output.watched |= call.unfinished();
  });
  output.watched |= !plain_requests_.empty();
  return output;
}

void ServerConnection::on_output_held(std::size_t bytes) {
  if (bytes != output_bytes_) account(std::exchange(output_bytes_, bytes), bytes);
}

/// A client whose fields do not fit loses its connection: neither HPACK's table nor part of a frame can be refused.
void ServerConnection::on_fields_remembered(std::size_t before, std::size_t now) {
  account_own(before, now);
  if (now <= std::max(before, usual_fields_bytes) || finds_room(0)) return;
  count_refused(CallLimit::total_buffered_bytes);
  abort(
      Status(Code::RESOURCE_EXHAUSTED,
             "closed: the header fields and parts of frames that it has the server remember take " +
                 std::to_string(now) +
                 " bytes, and all connections hold as many as ServerOptions::max_total_buffered_bytes (grpcd "
                 "--max-total-buffered-size) allows",
             Initiator::library));
}

void ServerConnection::on_lost(const Status& why) noexcept {
  try {
    if (!why.ok()) report(why);
  } catch (const std::bad_alloc&) {
    // There is no memory for the log line.
  }
  owner_.remove(*this);
}

void ServerConnection::report(const Status& why) const {
  // The operator should see clients whose TLS and this server's are incompatible.
  const bool not_suited = !is_established() && !stream_failure().ok();
  if (not_suited) return owner_.report_unsuited(*this, why.message());
  if (log::enabled(log::Level::debug)) log::debug("{}: {}", log::Field("peer", peer()), why.to_string());
}

void ServerConnection::account(std::size_t before, std::size_t now) noexcept {
  held_bytes_ += now - before;
  owner_.account(before, now);
}

void ServerConnection::account_own(std::size_t before, std::size_t now) noexcept {
  own_bytes_ += static_cast<std::uint32_t>(now - before);
  account(before, now);
}

/// Throws std::bad_alloc before it has done anything.
std::size_t ServerConnection::give_way() {
  Status why(Code::RESOURCE_EXHAUSTED,
             "closed to make room for others: it held " + std::to_string(held_bytes_) + " bytes",
             Initiator::library);
  given_way_bytes_ = held_bytes_;
  if (ServerMetrics* const metrics = owner_.metrics()) ++metrics->connections.gave_way;
  reset(std::move(why));
  return given_way_bytes_;
}

void ServerConnection::recount() {
  calls_.for_each([](ServerCall& call) { call.account(); });
}

Status ServerConnection::check_buffered(std::size_t more) {
  const std::size_t bytes_max = owner_.max_buffered_bytes();
  if (held_bytes_ - own_bytes_ + more <= bytes_max && owner_.memory().has_room(more)) [[likely]]
    return {};
  return make_room(more);
}

/// Counts a failure as a refused call, so the caller must end its call then.
Status ServerConnection::make_room(std::size_t more) {
  const std::size_t bytes_max = owner_.max_buffered_bytes();
  if (held_bytes_ - own_bytes_ + more > bytes_max) recount();
  if (held_bytes_ - own_bytes_ + more > bytes_max) {
    count_refused(CallLimit::buffered_bytes);
    return Status(Code::RESOURCE_EXHAUSTED,
                  "the calls of this connection hold more than " + std::to_string(bytes_max) +
                      " bytes with their requests and unsent responses; make fewer or smaller ones at a time",
                  Initiator::peer);
  }
  if (!finds_room(more)) {
    count_refused(CallLimit::total_buffered_bytes);
    return Status(Code::RESOURCE_EXHAUSTED,
                  "the connections of this part of the server and their calls hold as much as they may, " +
                      std::to_string(owner_.memory().limit_bytes()) + " bytes; try again later",
                  Initiator::library);
  }
  return {};
}

bool ServerConnection::finds_room(std::size_t more) {
  MemoryShare& memory = owner_.memory();
  return memory.has_room(more) ||
         memory.make_room(
             {.connection = this, .address = address(), .held_bytes = held_bytes_, .more = more});
}

std::size_t ServerConnection::room_bytes() const noexcept {
  const std::size_t most = owner_.max_buffered_bytes();
  return std::min(most - std::min(most, held_bytes_ - own_bytes_), owner_.memory().room_bytes());
}

Status ServerConnection::check_inflation() {
  if (!inflation_.spent(shard().now())) return {};
  count_refused(CallLimit::inflation_per_second);
  return Status(Code::RESOURCE_EXHAUSTED,
                "the requests of this connection have been decompressed to more than " +
                    std::to_string(owner_.max_inflation_per_second()) + " bytes a second beyond " +
                    std::to_string(InflationBudget::free_ratio) +
                    " times their size (max_inflation_per_second); compress less, or send fewer",
                Initiator::peer);
}

void ServerConnection::on_watch() {
  calls_.for_each([](ServerCall& call) { call.watch_request(); });
  const Instant begun_before = shard().now() - stall_timeout();
  while (!plain_requests_.empty() && plain_requests_.begin()->second.begun() <= begun_before) {
    http2::Stream& stream = plain_requests_.begin()->second.stream();
    forget_plain(stream);
    refuse(stream, nullptr,
           Status(Code::DEADLINE_EXCEEDED, "the request was not complete in time", Initiator::peer), "408");
    flush_soon();
  }
}

void ServerConnection::on_half_close() {
  drain_.on_input_end();
  keepalive_.stop();
  calls_.for_each([](ServerCall& call) { call.on_half_close(); });
}

void ServerConnection::on_linger() {
  drain_.on_input_end();
  keepalive_.stop();
  age_.stop();
}

/// A server that stops needs its memory no longer, so the system may go on sending.
bool ServerConnection::awaits_reader() const noexcept { return !owner_.draining(); }

void ServerConnection::give_back(ServerCall& call) noexcept {
  if (--calls_in_flight_ == 0) age_.on_idle();
  owner_.give_back_call(call);
}

void ServerConnection::on_ping_ack(std::uint64_t opaque) { drain_.on_ping_ack(opaque); }

}  // namespace ringrpc
