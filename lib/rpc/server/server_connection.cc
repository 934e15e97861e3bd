#include "rpc/server/server_connection.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "ringrpc/log.h"

#include "rpc/server/server_shard.h"
#include "rpc/wire/base64.h"
#include "rpc/wire/response_headers.h"
#include "rpc/wire/timeout.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t drain_ping = 0x647261696e;  // "drain"
constexpr std::chrono::seconds drain_ping_timeout{5};

/// A turn of the shard starts handlers for so long; calls that are left then wait for their connection's turn.
constexpr std::chrono::milliseconds batches_length{2};
/// The length of such a turn.
constexpr std::chrono::milliseconds batch_turn_length{1};
/// The clock is read when messages of so many bytes have been parsed, each taken for no less than …
constexpr std::size_t timed_bytes = 16 * 1024;
/// … so many, which stand for its handler.
constexpr std::size_t handler_bytes = 1024;

/// Names the gate of these turns among what a shard keeps.
constexpr char batch_turns = 0;

Status malformed(std::string message) { return Status(Code::INTERNAL, std::move(message), Initiator::peer); }

/// Compares with a literal without a call: every field of every request passes here.
template <std::size_t size>
bool is(std::string_view text, const char (&literal)[size]) {
  return text.size() == size - 1 && std::memcmp(text.data(), literal, size - 1) == 0;
}

/// Only as much of what a peer sent as an answer to it should repeat.
std::string excerpt(std::string_view text) {
  constexpr std::size_t quoted_bytes_max = 100;
  if (text.size() <= quoted_bytes_max) return std::string(text);
  return std::string(text.substr(0, quoted_bytes_max)) + "...";
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

/// What a request's headers say to gRPC.
struct ServerConnection::Request {
  explicit Request(const http2::Stream& stream) {
    for (const http2::Header& header : stream.headers()) read(header, stream);
  }

  void read(const http2::Header& header, const http2::Stream& stream) {
    const std::string_view name = header.name;
    if (is(name, ":path")) {
      path = header.value;
    } else if (is(name, ":method")) {
      post = is(header.value, "POST");
      head = is(header.value, "HEAD");
    } else if (is(name, "content-type")) {
      grpc = is_grpc_content_type(header.value);
      other_codec = !grpc && header.value.starts_with("application/grpc+");
    } else if (is(name, "grpc-timeout")) {
      const std::optional<Nanoseconds> parsed = parse_timeout(header.value);
      if (!parsed) malform(header);
      timeout = parsed.value_or(Nanoseconds::max());
    } else if (is(name, "grpc-encoding")) {
      encoding = header.value;
    } else if (name.ends_with("-bin")) {
      const std::optional<std::size_t> values = count_base64_values(header.value);
      if (!values) malform(header);
      listed_values += values.value_or(1) - 1;
    } else if (is(name, "host")) {
      read_host(header, stream);
    }
  }

  /// A request names its host once, or in both ways alike (RFC 9113, 8.3.1; RFC 9110, 7.2).
  void read_host(const http2::Header& host, const http2::Stream& stream) {
    if (std::exchange(has_host, true)) return malform(host, ": a request has one");
    if (host.value.contains('@')) return malform(host, ": it has userinfo");
    const auto authority = std::ranges::find(stream.headers(), ":authority", &http2::Header::name);
    if (authority != stream.headers().end() && !equal_ignoring_case(host.value, authority->value))
      malform(host, ": it differs from :authority");
  }

  void malform(const http2::Header& header, std::string_view why = {}) {
    malformed_field = header;
    malformed_why = why;
  }

  bool is_grpc() const noexcept { return post && grpc; }

  std::string_view path;
  std::string_view encoding = "identity";
  Nanoseconds timeout = Nanoseconds::max();
  http2::Header malformed_field;
  std::string_view malformed_why;
  std::size_t listed_values = 0;  ///< of binary metadata, besides the first of each field
  bool post = false;
  bool head = false;
  bool has_host = false;
  bool grpc = false;
  bool other_codec = false;  ///< gRPC all the same
};

ServerConnection::ServerConnection(ServerShard& owner, std::unique_ptr<ByteStream> stream,
                                   PeerCounts::Hold counted)
    : Connection(owner.shard(), std::move(stream), http2::Role::server, owner.limits(), owner.timeouts(),
                 *this),
      owner_(owner),
      counted_(std::move(counted)),
      work_line_(owner.shard()),
      inflation_(owner.max_inflation_per_second()),
      keepalive_(*this, owner.keepalive_rule()),
      age_(*this, owner.age_rule(), owner.draw_age()) {}

ServerConnection::~ServerConnection() {
  calls_.for_each([](ServerCall& call) { call.abandon(); });
  plain_requests_.clear();
  account(buffered_bytes_, 0);
}

void ServerConnection::begin() {
  start();
  age_.start();
}

/// The client's preface is here, and with it whatever the transport knows of the client.
void ServerConnection::on_settings() {
  if (std::exchange(greeted_, true)) return;
  established();
  peer_identity_ = ask_peer_identity();
  if (!log::enabled(log::Level::debug)) return;
  const std::string who = to_string(peer_identity_);
  log::debug("{}: connected{}{}", peer(), who.empty() ? "" : ": ", who);
}

ServerCounters& ServerConnection::counters() noexcept { return owner_.counters(); }

std::span<Interceptor* const> ServerConnection::interceptors() const noexcept {
  return owner_.interceptors();
}

void ServerConnection::on_request(http2::Stream& stream) {
  const Request request(stream);
  if (!request.is_grpc()) {
    if (request.post && request.other_codec) return answer_not_grpc(stream);
    plain_requests_.try_emplace(stream.id(), *this, stream);
    return;
  }
  if (!request.malformed_field.name.empty())
    return refuse(
        stream,
        malformed("malformed " + excerpt(request.malformed_field.name) + " \"" +
                  excerpt(request.malformed_field.value) + "\"" + std::string(request.malformed_why)),
        "400");
  if (request.listed_values != 0 &&
      stream.headers().size() + request.listed_values > owner_.limits().max_header_fields)
    return refuse(stream, headers_too_large("; each value of binary metadata counts as a field"));
  const RegisteredMethod* method = owner_.methods().find(request.path);
  if (!method) return refuse(stream, owner_.methods().unknown(excerpt(request.path)));
  const std::optional<Compression> encoding = parse_compression(request.encoding);
  if (!encoding)
    return refuse(stream, Status(Code::UNIMPLEMENTED,
                                 "grpc-encoding \"" + excerpt(request.encoding) +
                                     "\" is not supported, these are: " + std::string(compression_names),
                                 Initiator::peer));
  if (request.timeout <= Nanoseconds::zero())
    return refuse(stream,
                  Status(Code::DEADLINE_EXCEEDED, "the deadline had passed on arrival", Initiator::peer));

  ServerCall& call = owner_.take_call();
  stream.keep_headers();
  calls_.push_back(call);
  ++calls_in_flight_;
  ++counters().calls_started;
  call.begin(*this, stream, *method, request.timeout, *encoding);
}

void ServerConnection::refuse(http2::Stream& stream, const Status& status, std::string_view http_status) {
  ++counters().calls_started;
  ++counters().calls_failed;
  if (log::enabled(log::Level::debug)) log::debug("{}: {}", peer(), status.to_string());
  send_refusal(session(), stream, http_status, status);
  session().reset(stream, http2::ErrorCode::no_error);  // what of the request is still to come is of no use
}

ServerConnection::PlainRequest::PlainRequest(ServerConnection& connection, http2::Stream& stream)
    : connection_(connection),
      stream_(stream),
      begun_(connection.shard().now()),
      header_bytes_(http2::kept_bytes(stream.headers())) {
  stream.keep_headers();
  stream.set_events(this);
  connection.account(0, header_bytes_);
}

ServerConnection::PlainRequest::~PlainRequest() {
  stream_.set_events(nullptr);
  connection_.account(header_bytes_, 0);
}

void ServerConnection::PlainRequest::on_end() {
  connection_.answer_not_grpc(stream_);
  connection_.forget_plain(stream_);
}

/// Destroys the request.
void ServerConnection::forget_plain(const http2::Stream& stream) noexcept {
  plain_requests_.erase(stream.id());
}

void ServerConnection::answer_not_grpc(http2::Stream& stream) {
  const Request request(stream);
  if (!request.post) return send_wrong_method(session(), stream, !request.head);
  refuse(stream, malformed("the content-type is not application/grpc"), "415");
}

Status ServerConnection::headers_too_large(std::string_view hint) const {
  const http2::Limits& limits = owner_.limits();
  return Status(Code::RESOURCE_EXHAUSTED,
                "the request's headers exceed " + std::to_string(limits.max_header_list_bytes) +
                    " bytes or " + std::to_string(limits.max_header_fields) + " fields" + std::string(hint),
                Initiator::peer);
}

bool ServerConnection::on_headers_too_large(http2::Stream& stream) {
  refuse(stream, headers_too_large());
  return true;
}

void ServerConnection::on_goaway(std::uint32_t, http2::ErrorCode code, std::string_view debug) {
  if (code != http2::ErrorCode::no_error) owner_.report_goaway(*this, code, debug);
}

bool ServerConnection::on_batch() noexcept {
  keepalive_.on_activity();
  contain([this] {
    if (batch_turn_.linked()) {
      keep_batch();
    } else {
      run_batch(after(shard().now(), batches_length));
    }
  });
  return true;
}

/// Starts and resumes handlers until `end`, at least one. The first calls of a peer run at once, which is all
/// that most peers ever ask for. One that asks for more shares the rest of the time with others like it: one
/// of them goes on in each turn of the shard.
void ServerConnection::run_batch(Instant end) {
  batch_bytes_ = 0;
  in_batch_ = true;
  while (ServerCall* call = batch_.pop_front()) {
    call->contain([call] { call->on_batch(); });
    batch_bytes_ += handler_bytes;
    if (batch_bytes_ < timed_bytes || batch_.empty()) continue;
    batch_bytes_ = 0;
    if (const Instant now = shard().io().now(); now >= end) {
      TurnGate& turns = TurnGate::of(shard(), &batch_turns, 1);
      if (!turns.take()) {
        wait_for_turn(turns);
        break;
      }
      end = after(now, batch_turn_length);
    }
  }
  in_batch_ = false;
}

bool ServerConnection::may_go_on(ServerCall& call) {
  if (batch_bytes_ < timed_bytes) return true;
  join_batch(call);
  if (in_batch_ || batch_turn_.linked()) return false;
  TurnGate& turns = TurnGate::of(shard(), &batch_turns, 1);
  (void)turns.take();  // so that the end of this turn hands out the next ones
  wait_for_turn(turns);
  return false;
}

/// Copies what the calls that wait borrow of the input.
void ServerConnection::keep_batch() noexcept {
  batch_.for_each([](ServerCall& call) {
    call.contain([&call] {
      call.keep_batch();
      call.check_room();
    });
  });
}

void ServerConnection::wait_for_turn(TurnGate& turns) {
  keep_batch();
  turns.wait(batch_turn_, fair_key());
}

void ServerConnection::go_on_with_batch() {
  if (!lost()) run_batch(after(shard().io().now(), batch_turn_length));
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

void ServerConnection::on_lost(const Status& why) noexcept {
  try {
    if (!why.ok()) report(why);
  } catch (const std::bad_alloc&) {
    // There is no memory to say it with.
  }
  owner_.remove(*this);
}

void ServerConnection::report(const Status& why) const {
  // A client that this server's TLS does not suit, or that does not suit it, is for the operator to see.
  const bool not_suited = !greeted_ && !stream_failure().ok();
  if (not_suited) return owner_.report_unsuited(*this, why.message());
  if (log::enabled(log::Level::debug)) log::debug("{}: {}", peer(), why.to_string());
}

void ServerConnection::account(std::size_t before, std::size_t now) noexcept {
  buffered_bytes_ += now - before;
  owner_.account(before, now);
}

void ServerConnection::recount() {
  calls_.for_each([](ServerCall& call) { call.account(); });
}

Status ServerConnection::check_buffered(std::size_t more) {
  const std::size_t bytes_max = owner_.max_buffered_bytes();
  if (buffered_bytes_ + more > bytes_max) recount();
  if (buffered_bytes_ + more > bytes_max)
    return Status(Code::RESOURCE_EXHAUSTED,
                  "the calls of this connection hold more than " + std::to_string(bytes_max) +
                      " bytes of requests and unsent responses; make fewer or smaller ones at a time",
                  Initiator::peer);
  if (!owner_.has_room(more))
    return Status(Code::RESOURCE_EXHAUSTED,
                  "the calls of this part of the server hold more than " +
                      std::to_string(owner_.max_total_buffered_bytes()) +
                      " bytes of requests and unsent responses; try again later",
                  Initiator::library);
  return {};
}

std::size_t ServerConnection::room_bytes() const noexcept {
  const std::size_t most = owner_.max_buffered_bytes();
  return std::min(most - std::min(most, buffered_bytes_), owner_.room_bytes());
}

Status ServerConnection::check_inflation() {
  if (!inflation_.spent(shard().now())) return {};
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
    refuse(stream, Status(Code::DEADLINE_EXCEEDED, "the request was begun and not finished", Initiator::peer),
           "408");
    flush_soon();
  }
}

void ServerConnection::on_half_close() {
  draining_ = true;  // the session says GOAWAY, and no PING is answered any more
  drain_timer_.cancel();
  keepalive_.stop();
  calls_.for_each([](ServerCall& call) { call.on_half_close(); });
}

void ServerConnection::give_back(ServerCall& call) noexcept {
  if (--calls_in_flight_ == 0) age_.on_idle();
  owner_.give_back_call(call);
}

void ServerConnection::drain() {
  if (std::exchange(draining_, true)) return;
  session().announce_shutdown(drain_ping);
  shard().timers().arm(drain_timer_, after(shard().now(), drain_ping_timeout));
  flush_soon();
}

void ServerConnection::on_ping_ack(std::uint64_t opaque) {
  if (opaque == drain_ping && drain_timer_.armed()) finish_drain();
}

void ServerConnection::finish_drain() {
  drain_timer_.cancel();
  session().goaway(http2::ErrorCode::no_error);
  flush_soon();
}

}  // namespace ringrpc
