#include "rpc/client/call_attempt.h"

#include <charconv>
#include <utility>

#include "rpc/client/client_connection.h"
#include "rpc/client/outgoing_call.h"
#include "rpc/client/shard_channel.h"
#include "rpc/wire/base64.h"
#include "rpc/wire/code_mapping.h"
#include "rpc/wire/metadata_wire.h"
#include "rpc/wire/percent_encoding.h"
#include "rpc/wire/response_headers.h"
#include "rpc/wire/timeout.h"

namespace ringrpc {
namespace {

std::optional<std::uint32_t> parse_number(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// The field of that name; the last one if it repeats, null if it is absent.
const http2::Header* last_field(std::span<const http2::Header> headers, std::string_view name) noexcept {
  const http2::Header* found = nullptr;
  for (const http2::Header& header : headers)
    if (header.name == name) found = &header;
  return found;
}

Status several_responses() {
  return Status(Code::UNIMPLEMENTED, "the response has several messages, this method has one",
                Initiator::peer);
}

Status bytes_behind(std::size_t bytes) {
  return Status(Code::INTERNAL,
                std::to_string(bytes) + (bytes == 1 ? " byte follows" : " bytes follow") +
                    " the only message of the response, and are no message",
                Initiator::peer);
}

Status too_much_metadata(std::string_view limit, std::size_t value, std::string_view unit) {
  return Status(Code::RESOURCE_EXHAUSTED,
                "the response's metadata exceeds " + std::to_string(value) + std::string(unit) + " (" +
                    std::string(limit) + ")",
                Initiator::library)
      .with_cause(Cause::metadata_too_large);
}

}  // namespace

void CallAttempt::open(ClientConnection& connection) {
  assert(phase_ == Phase::opening && !stream_);
  peer_ = connection.peer_name();
  const http2::Headers& headers = write_headers();
  const std::size_t bytes_max = connection.session().header_list_bytes_max();
  if (const std::size_t bytes = http2::list_bytes(headers); bytes > bytes_max)
    return fail(Status(Code::RESOURCE_EXHAUSTED,
                       "the request's headers have " + std::to_string(bytes) + " bytes; at most " +
                           std::to_string(bytes_max) + " can go to " + call_.channel().target(),
                       Initiator::library));

  // Never with END_STREAM: a request without messages ends with an empty DATA frame (PROTOCOL-HTTP2.md,
  // "EOS").
  Result<http2::Stream*> stream = connection.session().open(headers, this, false);
  connection.flush_soon();
  if (!stream) return fail(std::move(stream).error());
  enter(Phase::awaiting_headers);
  connection_ = &connection;
  stream_ = *stream;
  connection.join(*this);
  call_.on_attempt_opened(*this);
}

/// The request's header block, in the channel's memory for it.
http2::Headers& CallAttempt::write_headers() {
  ShardChannel& channel = call_.channel();
  const CallRequest& request = call_.request();
  // Literals and strings of the channel outlive the session.
  const auto lasting = [](std::string_view name, std::string_view value) {
    return http2::Header{.name = name, .value = value, .static_storage = true};
  };
  auto& [headers, encoded] = channel.request_headers();
  constexpr std::size_t path = 2;
  constexpr std::size_t common = 7;  // those that all requests have
  if (headers.empty())
    headers.assign({lasting(":method", "POST"), lasting(":scheme", channel.scheme()),
                    http2::Header{":path", request.path}, lasting(":authority", channel.authority()),
                    lasting("content-type", "application/grpc"), lasting("te", "trailers"),
                    lasting("grpc-accept-encoding", compression_names)});
  headers.resize(common);
  headers[path].value = request.path;
  if (!request.metadata().find("user-agent")) headers.push_back(lasting("user-agent", channel.user_agent()));
  if (request.compression != Compression::identity)
    headers.push_back(lasting("grpc-encoding", name(request.compression)));
  if (request.deadline != never)
    headers.push_back(
        {"grpc-timeout", encoded.emplace_back(format_timeout(request.deadline - channel.shard().now()))});
  if (previous_ > 0) [[unlikely]]
    headers.push_back({"grpc-previous-rpc-attempts", encoded.emplace_back(std::to_string(previous_))});
  append_metadata(request.metadata(), headers, encoded);
  if (CallTrace* const trace = call_.trace()) [[unlikely]]
    trace->append_headers(*this, headers);
  return headers;
}

void CallAttempt::send(Bytes messages, std::uint32_t count, bool end_stream) {
  connection_->counts().messages_sent += count;
  connection_->session().send_data(*stream_, messages, end_stream);
  connection_->flush_soon();
}

std::span<std::uint8_t> CallAttempt::reserve_message(std::size_t bytes) {
  return room_.begin(connection_->session(), *stream_, bytes);
}

std::span<std::uint8_t> CallAttempt::reserve_more() { return room_.more(connection_->session(), *stream_); }

void CallAttempt::commit_message() {
  ++connection_->counts().messages_sent;
  room_.commit(connection_->session(), *stream_);
  connection_->flush_soon();
}

/// The stream has ended: with END_STREAM from the server if `success`.
void CallAttempt::count_end(bool success) noexcept {
  channelz::SocketCounts& counts = connection_->counts();
  ++counts.streams_ended;
  if (!success) ++counts.streams_failed;
}

/// The call decides what follows; it cancels the attempt if that is its end.
void CallAttempt::fail(Status why) noexcept { call_.on_attempt_failed(*this, std::move(why)); }

void CallAttempt::cancel() noexcept {
  if (!ended()) {
    if (stream_) count_end(false);
    enter(Phase::ended);
  }
  reset(http2::ErrorCode::cancel);
}

void CallAttempt::detach(const Status& why) noexcept {
  const bool open = !ended();
  leave_lists();
  if (stream_) stream_->set_events(nullptr);
  stream_ = nullptr;
  connection_ = nullptr;
  if (open) {
    enter(Phase::ended);
    call_.on_attempt_lost(*this, why);
  }
  call_.wake_soon();  // for input that came before, too
}

void CallAttempt::reset(http2::ErrorCode code) noexcept {
  leave_lists();
  if (!stream_) return;
  http2::Stream& stream = *std::exchange(stream_, nullptr);
  stream.set_events(nullptr);
  ClientConnection& connection = *std::exchange(connection_, nullptr);
  connection.session().reset(stream, code);
  connection.flush_soon();
}

/// Leaves the batch before its end, so it copies the input of the batch that it borrows.
void CallAttempt::leave_lists() noexcept {
  ListNodeOf<AttemptTag>::unlink();
  ListNodeOf<AttemptBatchTag>::unlink();
  keep_input();
}

/// Copies the borrowed input.
void CallAttempt::keep_input() noexcept {
  call_.contain([this] { buffer_.keep(); });
}

void CallAttempt::after_wake() noexcept {
  keep_input();
  give_credit();
}

void CallAttempt::on_batch() noexcept { call_.wake(); }

void CallAttempt::give_bytes_back() noexcept {
  connection_->session().consumed(*stream_, std::exchange(uncredited_bytes_, 0));
  connection_->flush_soon();
}

void CallAttempt::on_headers() {
  call_.contain([this] { take_headers(); });
}

void CallAttempt::on_data(Bytes bytes) {
  call_.contain([&] { take_data(bytes); });
}

void CallAttempt::on_trailers() {
  call_.contain([this] { take_trailers(); });
}

void CallAttempt::on_end() {
  call_.contain([this] { take_end(); });
}

void CallAttempt::on_writable() { call_.wake_soon(); }

void CallAttempt::on_closed(http2::ErrorCode code, bool by_peer) {
  call_.contain([&] { leave_stream(code, by_peer); });
}

void CallAttempt::take_headers() {
  enter(Phase::headers);
  std::optional<std::string_view> encoding;
  for (const http2::Header& header : stream_->headers()) {
    if (header.name == ":status") {
      head_.http_status = parse_number(header.value).value_or(0);
    } else if (header.name == "content-type") {
      head_.is_grpc = is_grpc_content_type(header.value);
      if (!head_.is_grpc) head_.content_type = header.value;
    } else if (header.name == "grpc-encoding") {
      encoding = header.value;
    }
  }
  // A call with a policy may go on after a response that is only a status, or not gRPC's (gRFC A6,
  // "When Retries are Valid").
  if (!call_.has_policy() || (head_.http_status == 200 && head_.is_grpc && !stream_->peer_ended()))
    call_.on_attempt_committed(*this);
  if (encoding && head_.http_status == 200) {
    const std::optional<Compression> known = parse_encoding(*encoding);
    if (!known) head_.unknown_encoding = *encoding;
    buffer_.set_encoding(known.value_or(Compression::identity));
  }
  read_status();
  read_metadata_into(call_.response().initial);
}

void CallAttempt::take_data(Bytes bytes) {
  uncredited_bytes_ += bytes.size();
  if (phase_ == Phase::headers) {
    enter(Phase::body);
    grpc_status_.reset();  // a status in headers counts only if nothing follows
  }
  if (head_.http_status != 200 || !head_.is_grpc) return fail(status_without_grpc_status());
  if (!head_.unknown_encoding.empty()) return fail(unusable_encoding());
  connection_->counts().messages_received += arrived_.count(bytes);
  if (Status status = buffer_.add(bytes); !status.ok()) {
    buffer_.clear();  // it borrows the input, which is valid until this returns
    return fail(std::move(status));
  }
  if (messages_taken_ > 0 && buffer_.ready() && one_response(call_.request().kind))
    return fail(several_responses());
  connection_->join_batch(*this);
}

void CallAttempt::take_trailers() {
  enter(Phase::trailers);
  grpc_status_.reset();
  read_status();
  read_metadata_into(call_.response().trailing);
}

void CallAttempt::take_end() {
  const bool trailers_only = phase_ == Phase::headers;
  enter(Phase::ended);
  count_end(true);
  if (ResponseMetadata& response = call_.response(); trailers_only && grpc_status_)
    response.trailing = std::exchange(response.initial, {});
  Status status = grpc_status_ ? std::move(*grpc_status_) : status_without_grpc_status();
  if (status.ok()) status = check_messages();
  ClientConnection& connection = *connection_;
  if (!status.ok()) connection.count_failed_call();
  call_.on_attempt_ended(*this, std::move(status));
  // The server will not read the rest of the request.
  if (!call_.writes_ended()) {
    reset(http2::ErrorCode::no_error);
  } else if (stream_->queued_bytes() > 0) {
    reset(http2::ErrorCode::cancel);
  }
  connection.join_batch(*this);
}

void CallAttempt::leave_stream(http2::ErrorCode code, bool by_peer) {
  const bool refused = code == http2::ErrorCode::refused_stream && phase_ <= Phase::awaiting_headers;
  if (code == http2::ErrorCode::refused_stream && !by_peer) connection_->count_unsent();
  const bool open = !ended();
  if (open) count_end(false);
  const http2::StreamFault fault = stream_->fault();
  ListNodeOf<AttemptTag>::unlink();
  stream_ = nullptr;
  connection_ = nullptr;
  if (!open) return;
  enter(Phase::ended);
  if (!refused) return call_.on_attempt_reset(*this, reset_status(code, by_peer, fault));
  call_.on_attempt_refused(
      *this, by_peer ? ReplayBuffer::Refused::by_the_server : ReplayBuffer::Refused::before_it_left);
}

Status CallAttempt::unusable_encoding() const {
  return Status(Code::INTERNAL,
                "the server compresses with \"" + head_.unknown_encoding +
                    "\", which was not offered; these were: " + std::string(compression_names),
                Initiator::peer);
}

void CallAttempt::read_metadata_into(Metadata& to) {
  if (!may_have_metadata(stream_->headers())) return;
  Result<Metadata> metadata = read_metadata(stream_->headers());
  if (!metadata) return fail(std::move(metadata).error());
  to = std::move(*metadata);
}

void CallAttempt::read_status() {
  const http2::Header* const code = last_field(stream_->headers(), "grpc-status");
  if (!code) return;
  const http2::Header* const message = last_field(stream_->headers(), "grpc-message");
  const http2::Header* const details = last_field(stream_->headers(), "grpc-status-details-bin");
  grpc_status_.emplace(code_from_text(code->value), message ? percent_decode(message->value) : std::string(),
                       Initiator::peer);
  if (details)
    grpc_status_ = std::move(*grpc_status_).with_details(base64_decode(details->value).value_or(""));
}

/// Checks a response whose status is OK: OK if it has the messages that the method gives. A message with others
/// behind it is dropped.
Status CallAttempt::check_messages() {
  const bool one = one_response(call_.request().kind);
  const bool more = one && buffer_.more_than_one();
  if (more) buffer_.skip();
  if (more || (one && messages_taken_ > 0 && !buffer_.empty()))
    return buffer_.ready() ? several_responses() : bytes_behind(buffer_.available());
  if (!buffer_.empty() && !buffer_.ready())
    return Status(Code::INTERNAL, "the response ended inside a message", Initiator::peer);
  if (one && messages_taken_ == 0 && buffer_.empty())
    return Status(Code::UNIMPLEMENTED, "the server returned OK without a message", Initiator::peer);
  return {};
}

Status CallAttempt::reset_status(http2::ErrorCode code, bool by_peer, http2::StreamFault fault) const {
  const http2::Limits& limits = call_.channel().limits();
  switch (fault) {
    case http2::StreamFault::header_bytes:
      return too_much_metadata("max_header_list_bytes", limits.max_header_list_bytes, " bytes");
    case http2::StreamFault::header_fields:
      return too_much_metadata("max_header_fields", limits.max_header_fields, " fields");
    case http2::StreamFault::content_length:
      return Status(code_from_reset(code),
                    "the length of the response's body differs from its content-length", Initiator::peer);
    case http2::StreamFault::none:
      break;
  }
  const std::string who = by_peer ? "the server reset the stream: " : "the stream was reset: ";
  return Status(code_from_reset(code), who + std::string(http2::name(code)),
                by_peer ? Initiator::peer : Initiator::library);
}

/// http-grpc-status-mapping.md.
Status CallAttempt::status_without_grpc_status() const {
  std::string what = "the server ended the stream without a grpc-status";
  if (head_.http_status != 200) {
    what = "the server responded with HTTP status " + std::to_string(head_.http_status);
  } else if (!head_.is_grpc) {
    what = head_.content_type.empty()
               ? "the response has no content-type; it must be application/grpc"
               : "the response has content-type \"" + head_.content_type + "\", not application/grpc";
  }
  return Status(code_from_http_status(head_.http_status), std::move(what), Initiator::peer);
}

}  // namespace ringrpc
