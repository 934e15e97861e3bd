#include "rpc/client/client_call.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "rpc/call/write_ahead.h"
#include "rpc/client/channel_core.h"
#include "rpc/client/client_connection.h"
#include "rpc/wire/base64.h"
#include "rpc/wire/code_mapping.h"
#include "rpc/wire/metadata_wire.h"
#include "rpc/wire/percent_encoding.h"
#include "rpc/wire/response_headers.h"
#include "rpc/wire/timeout.h"

namespace ringrpc {
namespace {

/// More than this of a call is not kept for sending it again.
constexpr std::size_t kept_request_bytes_max = 64 * 1024;

std::optional<std::uint32_t> parse_number(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// The code in a `grpc-status` value; UNKNOWN for what is not one of the 17.
Code parse_code(std::string_view text) {
  if (text.size() > 1 && text.front() == '0') return Code::UNKNOWN;
  const std::optional<std::uint32_t> number = parse_number(text);
  return number ? code_from_number(*number).value_or(Code::UNKNOWN) : Code::UNKNOWN;
}

Status several_responses() {
  return Status(Code::UNIMPLEMENTED, "the response has several messages, this method has one",
                Initiator::peer);
}

}  // namespace

ClientCallImpl::ClientCallImpl(ChannelCore& channel, std::string_view path, MethodKind kind,
                               const CallOptions& options)
    : shard_(channel.shard()),
      channel_(&channel),
      path_(path),
      kind_(kind),
      deadline_(std::min(after(shard_.now(), options.timeout), options.deadline)),
      wait_for_ready_(options.wait_for_ready),
      request_metadata_(options.metadata),
      response_(options.response),
      compression_(options.compression),
      buffer_(shard_.slabs(), channel.options().max_message_bytes) {
  if (deadline_ != never) shard_.timers().arm(*this, deadline_);
}

ClientCallImpl::~ClientCallImpl() { reset_stream(http2::ErrorCode::cancel); }

Status ClientCallImpl::check_request(std::size_t bytes, const ChannelOptions& options) {
  const std::size_t limit = std::min(options.max_request_bytes, MessageBuffer::length_max);
  if (bytes <= limit) return {};
  return Status(Code::RESOURCE_EXHAUSTED,
                "the request has a message of " + std::to_string(bytes) + " bytes, the limit is " +
                    std::to_string(limit) + " (max_request_bytes)",
                Initiator::application);
}

void ClientCallImpl::join_queue(ListOf<ClientCallImpl, ClientCallTag>& queue) noexcept {
  queue.push_back(*this);
  queued_ = true;
}

void ClientCallImpl::leave_queue() noexcept {
  ListNodeOf<ClientCallTag>::unlink();
  if (std::exchange(queued_, false)) channel_->left_queue();
}

void ClientCallImpl::attach(ClientConnection& connection) noexcept {
  leave_queue();
  contain([&] { open(connection); });
}

void ClientCallImpl::open(ClientConnection& connection) {
  const std::string timeout = deadline_ == never ? std::string() : format_timeout(deadline_ - shard_.now());
  // What is literal, or the channel's, outlives the session.
  const auto lasting = [](std::string_view name, std::string_view value) {
    return http2::Header{.name = name, .value = value, .static_storage = true};
  };
  auto& [headers, encoded] = channel_->request_headers();
  headers.assign({lasting(":method", "POST"), lasting(":scheme", channel_->scheme()),
                  http2::Header{":path", path_}, lasting(":authority", channel_->authority()),
                  lasting("content-type", "application/grpc"), lasting("te", "trailers"),

                  lasting("grpc-accept-encoding", compression_names)});
  if (!request_metadata_.find("user-agent")) headers.push_back(lasting("user-agent", channel_->user_agent()));
  if (compression_ != Compression::identity) headers.push_back(lasting("grpc-encoding", name(compression_)));
  if (!timeout.empty()) headers.push_back({"grpc-timeout", timeout});
  append_metadata(request_metadata_, headers, encoded);
  const std::size_t bytes_max = connection.session().header_list_bytes_max();
  if (const std::size_t bytes = http2::list_bytes(headers); bytes > bytes_max)
    return finish(Status(Code::RESOURCE_EXHAUSTED,
                         "the request's headers have " + std::to_string(bytes) + " bytes; at most " +
                             std::to_string(bytes_max) + " can go to " + channel_->target(),
                         Initiator::library));

  // Never with END_STREAM: a request without messages ends with an empty DATA frame (PROTOCOL-HTTP2.md,
  // "EOS").
  Result<http2::Stream*> stream = connection.session().open(headers, this, false);
  connection.flush_soon();
  if (!stream) return finish(std::move(stream).error());
  connection_ = &connection;
  stream_ = *stream;
  connection.join(*this);
  if (!request_.empty() || writes_done_) connection.session().send_data(*stream_, request_, writes_done_);
  if (request_.size() > kept_request_bytes_max) stop_keeping_request();
  if (writable_waiter_) wake_soon();
}

void ClientCallImpl::finish(Status status) noexcept {
  if (finished_) return;
  finished_ = true;
  status_ = std::move(status);
  Timer::cancel();
  reset_stream(http2::ErrorCode::cancel);
  wake_soon();
}

void ClientCallImpl::detach(Status status) noexcept {
  leave_queue();
  leave_batch();
  if (stream_) stream_->set_events(nullptr);
  stream_ = nullptr;
  connection_ = nullptr;
  channel_ = nullptr;
  finish(std::move(status));
  wake_soon();  // also who was to be woken at the end of the batch
}

void ClientCallImpl::cancel() {
  finish(Status(Code::CANCELLED, "cancelled by the caller", Initiator::application));
}

void ClientCallImpl::on_time() {
  contain([this] {
    if (!queued_) return finish(too_late());
    finish(Status(Code::DEADLINE_EXCEEDED, channel_->describe_wait(), Initiator::library));
  });
}

Status ClientCallImpl::too_late() const {
  std::string words = "no answer from " + channel_->target() + " before the deadline";
  if (messages_taken_ > 0)
    words = "the call to " + channel_->target() + " did not end before the deadline; " +
            std::to_string(messages_taken_) + (messages_taken_ == 1 ? " answer" : " answers") + " came";
  return Status(Code::DEADLINE_EXCEEDED, std::move(words), Initiator::library);
}

/// Nobody will come at the end of the batch to keep what the call still borrows of its input.
void ClientCallImpl::leave_batch() noexcept {
  ListNodeOf<ClientBatchTag>::unlink();
  keep_input();
}

/// Copies what is borrowed. Without memory for that it is lost, and the call with it.
void ClientCallImpl::keep_input() noexcept {
  try {
    buffer_.keep();
  } catch (...) {
    give_up(caught());
  }
}

/// What a step that was broken off has left of the response is not to be read any more.
void ClientCallImpl::give_up(const Status& why) noexcept {
  buffer_.clear();
  fail(why);
}

void ClientCallImpl::reset_stream(http2::ErrorCode code) noexcept {
  leave_queue();
  leave_batch();
  if (!stream_) return;
  http2::Stream& stream = *std::exchange(stream_, nullptr);
  stream.set_events(nullptr);
  ClientConnection& connection = *std::exchange(connection_, nullptr);
  connection.session().reset(stream, code);
  connection.flush_soon();
}

void ClientCallImpl::take_headers() {
  stop_keeping_request();
  for (const http2::Header& header : stream_->headers()) {
    if (header.name == ":status") http_status_ = parse_number(header.value).value_or(0);
    if (header.name != "content-type") continue;
    speaks_grpc_ = is_grpc_content_type(header.value);
    if (!speaks_grpc_) content_type_ = header.value;
  }
  if (http_status_ == 200) read_encoding();
  if (finished_) return;
  read_status(stream_->headers());
  if (response_) read_response_metadata(response_->initial);
  if (answer_waiter_) wake_soon();
}

void ClientCallImpl::read_response_metadata(Metadata& to) {
  Result<Metadata> metadata = read_metadata(stream_->headers());
  if (!metadata) return finish(std::move(metadata).error());
  to = std::move(*metadata);
}

void ClientCallImpl::take_data(Bytes bytes) {
  uncredited_bytes_ += bytes.size();
  if (!std::exchange(body_seen_, true))
    grpc_status_.reset();  // a status in headers counts only where nothing follows
  if (http_status_ != 200 || !speaks_grpc_) return finish(status_without_grpc_status());
  if (one_response(kind_) && messages_taken_ > 0 && !bytes.empty()) return finish(several_responses());
  if (Status status = buffer_.add(bytes); !status.ok()) {
    buffer_.clear();  // what it borrowed goes when this returns
    return finish(std::move(status));
  }
  connection_->join_batch(*this);
}

void ClientCallImpl::take_trailers() {
  trailers_seen_ = true;
  grpc_status_.reset();
  read_status(stream_->headers());
  if (response_) read_response_metadata(response_->trailing);
}

void ClientCallImpl::take_end() {
  const bool trailers_only = !body_seen_ && !trailers_seen_;
  if (response_ && trailers_only && grpc_status_) response_->trailing = std::exchange(response_->initial, {});
  Status status = grpc_status_ ? std::move(*grpc_status_) : status_without_grpc_status();
  if (status.ok() && one_response(kind_) &&
      (buffer_.more_than_one() || (messages_taken_ > 0 && !buffer_.empty())))
    status = several_responses();
  else if (status.ok() && !buffer_.empty() && !buffer_.ready())
    status = Status(Code::INTERNAL, "the response ended inside a message", Initiator::peer);
  else if (status.ok() && one_response(kind_) && messages_taken_ == 0 && buffer_.empty())
    status = Status(Code::UNIMPLEMENTED, "the server answered OK without a message", Initiator::peer);
  if (status.code() == Code::DEADLINE_EXCEEDED && shard_.io().now() >= deadline_)
    status = too_late();  // the server has said so a moment before our own clock
  finished_ = true;
  status_ = std::move(status);
  Timer::cancel();
  ClientConnection& connection = *connection_;
  // Nobody will read the rest of the request.
  if (!writes_done_) {
    reset_stream(http2::ErrorCode::no_error);
  } else if (stream_->queued_bytes() > 0) {
    reset_stream(http2::ErrorCode::cancel);
  }
  connection.join_batch(*this);
}

void ClientCallImpl::leave_stream(http2::ErrorCode code, bool by_peer) {
  const bool refused = code == http2::ErrorCode::refused_stream;
  if (refused && !by_peer) connection_->count_unsent();
  ListNodeOf<ClientCallTag>::unlink();
  stream_ = nullptr;
  connection_ = nullptr;
  if (finished_) return;
  if (shard_.io().now() >= deadline_)
    return finish(too_late());  // the server may see the deadline first, and resets then
  if (refused && sent_again(by_peer)) return;
  if (refused && !by_peer)
    return finish(
        Status(Code::UNAVAILABLE, "the server said goodbye before the request had left", Initiator::peer));
  if (code == http2::ErrorCode::enhance_your_calm && !by_peer)
    return finish(
        Status(Code::RESOURCE_EXHAUSTED,
               "the response has more metadata than is taken (max_header_list_bytes, or 100 fields)",
               Initiator::library)
            .with_cause(Cause::metadata_too_large));
  const std::string who = by_peer ? "the server reset the stream: " : "the stream was reset: ";
  finish(Status(code_from_reset(code), who + std::string(http2::name(code)),
                by_peer ? Initiator::peer : Initiator::library));
}

/// Queues a call again that the server has not begun (RFC 9113, 8.7): once when its request has `left` this
/// machine, always when not. False when that has been tried, or the request is not there any more.
bool ClientCallImpl::sent_again(bool left) {
  if (!keeps_request_ || (left && std::exchange(retried_, true))) return false;
  channel_->submit_again(*this);
  return true;
}

void ClientCallImpl::stop_keeping_request() {
  keeps_request_ = false;
  decltype(request_)().swap(request_);
}

void ClientCallImpl::read_encoding() {
  for (const http2::Header& header : stream_->headers()) {
    if (header.name != "grpc-encoding") continue;
    const std::optional<Compression> encoding = parse_compression(header.value);
    if (!encoding)
      return finish(Status(Code::INTERNAL,
                           "the server compresses with \"" + std::string(header.value) +
                               "\", which was not offered; these were: " + std::string(compression_names),
                           Initiator::peer));
    buffer_.set_encoding(*encoding);
  }
}

void ClientCallImpl::read_status(std::span<const http2::Header> headers) {
  std::optional<Code> code;
  std::string message;
  std::string details;
  for (const http2::Header& header : headers) {
    if (header.name == "grpc-status") code = parse_code(header.value);
    if (header.name == "grpc-message") message = percent_decode(header.value);
    if (header.name == "grpc-status-details-bin") details = base64_decode(header.value).value_or("");
  }
  if (code)
    grpc_status_ = Status(*code, std::move(message), Initiator::peer).with_details(std::move(details));
}

/// http-grpc-status-mapping.md.
Status ClientCallImpl::status_without_grpc_status() const {
  std::string what = "the server ended the stream without a grpc-status";
  if (http_status_ != 200) {
    what = "the server answered HTTP status " + std::to_string(http_status_);
  } else if (!speaks_grpc_) {
    what = content_type_.empty()
               ? "the server answered without a content-type, not application/grpc"
               : "the server answered content-type \"" + content_type_ + "\", not application/grpc";
  }
  return Status(code_from_http_status(http_status_), std::move(what), Initiator::peer);
}

void ClientCallImpl::wake_soon() noexcept {
  if (message_waiter_ || writable_waiter_ || answer_waiter_ || finish_waiter_) shard_.ready().push(*this);
}

/// Who can go on now; no longer registered.
MessageStream::Waiter* ClientCallImpl::next_waiter() {
  if (answer_waiter_ && answered()) return std::exchange(answer_waiter_, nullptr);
  if (message_waiter_ && message_ready()) return std::exchange(message_waiter_, nullptr);
  if (writable_waiter_ && writable()) return std::exchange(writable_waiter_, nullptr);
  if (finish_waiter_ && finished_) return std::exchange(finish_waiter_, nullptr);
  return nullptr;
}

/// Resumes all who can go on. Whoever is resumed may destroy the call.
void ClientCallImpl::wake() noexcept {
  const Lifetime::Watch watch(lifetime_);
  if (!finished_ && !buffer_.fault().ok()) fail(buffer_.fault());
  while (Waiter* waiter = next_waiter()) {
    waiter->on_ready();
    if (watch.ended()) return;
  }
  keep_input();
  if (!buffer_.ready()) give_credit();
}

void ClientCallImpl::give_credit() noexcept {
  if (uncredited_bytes_ == 0 || !stream_) return;
  connection_->session().consumed(*stream_, std::exchange(uncredited_bytes_, 0));
  connection_->flush_soon();
}

bool ClientCallImpl::message_ready() { return buffer_.ready() || finished_; }

std::optional<Pieces> ClientCallImpl::take_message() {
  if (!buffer_.ready()) return std::nullopt;
  ++messages_taken_;
  const std::optional<Pieces> message = buffer_.take();
  if (response_) response_->compressed = buffer_.took_compressed();
  if (!message) {
    fail(buffer_.fault());
  } else if (!buffer_.fault().ok()) {
    shard_.ready().push(
        *this);  // what is behind it ends the call once it is parsed: the end gives its memory back
  }
  if (!buffer_.ready()) give_credit();
  return message;
}

void ClientCallImpl::fail(const Status& status) noexcept {
  if (finished_ && status_.ok()) status_ = status;
  finish(status);
}

void ClientCallImpl::reject_message() {
  fail(Status(Code::INTERNAL, "a response is not a message of this method's type", Initiator::peer));
}

std::span<std::uint8_t> ClientCallImpl::reserve_message(std::size_t bytes, bool may_compress) {
  if (finished_ || writes_done_) return {};
  std::span<std::uint8_t> room;
  contain([&] { room = make_room(bytes, may_compress); });
  return finished_ ? std::span<std::uint8_t>() : room;
}

std::span<std::uint8_t> ClientCallImpl::make_room(std::size_t bytes, bool may_compress) {
  if (Status status = check_request(bytes, channel_->options()); !status.ok()) {
    finish(std::move(status));
    return {};
  }
  if (may_compress && compression_ != Compression::identity) {
    compressed_ = std::make_unique<CompressedMessage>(bytes);
    return compressed_->room();
  }
  const std::size_t framed_bytes = MessageBuffer::prefix_bytes + bytes;
  if (stream_ && request_.size() + framed_bytes > kept_request_bytes_max) stop_keeping_request();
  if (stream_ && !keeps_request_) return room_.begin(connection_->session(), *stream_, bytes);
  kept_message_bytes_ = framed_bytes;
  request_.resize(request_.size() + framed_bytes);
  const std::span<std::uint8_t> room = std::span(request_).last(framed_bytes);
  MessageBuffer::write_prefix(room.data(), bytes);
  return room.subspan(MessageBuffer::prefix_bytes);
}

/// Only the session gives room in pieces.
std::span<std::uint8_t> ClientCallImpl::reserve_more() {
  const std::span<std::uint8_t> room = room_.more(connection_->session(), *stream_);
  if (room.empty()) finish(out_of_memory());
  return room;
}

void ClientCallImpl::commit_message() {
  contain([this] { queue_message(); });
}

void ClientCallImpl::queue_message() {
  if (finished_) return compressed_.reset();
  if (compressed_) {
    const std::unique_ptr<CompressedMessage> message = std::move(compressed_);
    return write(message->finish(compression_));
  }
  if (!stream_) return;
  if (keeps_request_) {
    connection_->session().send_data(*stream_, Bytes(request_).last(kept_message_bytes_));
  } else {
    room_.commit(connection_->session(), *stream_);
  }
  connection_->flush_soon();
}

/// Queues a whole message, prefix and all.
void ClientCallImpl::write(Bytes message) {
  if (stream_ && request_.size() + message.size() > kept_request_bytes_max) stop_keeping_request();
  if (keeps_request_) request_.insert(request_.end(), message.begin(), message.end());
  if (!stream_) return;
  connection_->session().send_data(*stream_, message);
  connection_->flush_soon();
}

void ClientCallImpl::writes_done() {
  if (std::exchange(writes_done_, true) || !stream_) return;
  connection_->session().send_data(*stream_, {}, true);
  connection_->flush_soon();
}

bool ClientCallImpl::writable() const {
  if (finished_) return true;
  return stream_ ? stream_->queued_bytes() < write_ahead_bytes : request_.size() < write_ahead_bytes;
}

}  // namespace ringrpc
