/// Messages that take long: which ones do, and how they go to the thread beside the shard and come back.
#include <utility>

#include "rpc/message/message_work.h"
#include "rpc/server/server_call.h"
#include "rpc/server/server_connection.h"

namespace ringrpc {
namespace {

// What a shard does itself takes it a millisecond at most.

/// Of a message that was compressed, once it is not.
constexpr std::size_t restored_here_bytes_max = 16 * 1024;
/// Of a response before it is compressed.
constexpr std::size_t compressed_here_bytes_max = 16 * 1024;
/// Of a message to be parsed.
constexpr std::size_t parsed_here_bytes_max = 256 * 1024;
/// Likewise, of its fields and those of the messages inside it. Each may be an object of its own.
constexpr std::size_t parsed_here_fields_max = 4096;

}  // namespace

bool ServerCall::large_parsed_here() {
  if (next_ == NextMessage::not_judged) next_ = judge_next();
  if (next_ == NextMessage::here) return true;
  if (status_sent_ || parse_turn_.taken()) return false;
  worked_on_ = true;
  connection_->work_line().join(parse_turn_);
  return false;
}

ServerCall::NextMessage ServerCall::judge_next() {
  if (buffer_.next_compression() == Compression::identity) return judge_size(buffer_.next_bytes());
  if (!may_inflate() || !restored_here()) return NextMessage::elsewhere;
  return judge_size(buffer_.restored().size());
}

/// Whether the connection may have a message decompressed now; the call fails where it may not.
bool ServerCall::may_inflate() {
  const Status status = connection_->check_inflation();
  if (!status.ok()) fail_call(status);
  return status.ok();
}

/// Whether the compressed message that waits has been decompressed here, or was found to be at fault.
bool ServerCall::restored_here() {
  const std::size_t bytes = buffer_.next_bytes();
  if (bytes > restored_here_bytes_max || !buffer_.restore_next(restored_here_bytes_max)) return false;
  const std::size_t restored = buffer_.restored().size();
  (void)connection_->inflation().charge(bytes, restored > 0 ? restored : restored_here_bytes_max);
  return true;
}

/// A handler that keeps its request has it counted for what it takes. Its bytes are still where it was parsed.
void ServerCall::weigh_parsed() {
  parsed_unweighed_ = false;
  const Bytes message = buffer_.taken();
  if (parsed_bytes_ == 0 || message.empty()) return;
  const MessageShape* const shape = method_->form.shape;
  parsed_bytes_ = shape ? shape->weigh(Pieces(&message, 1), message.size()).memory_bytes : message.size();
}

ServerCall::NextMessage ServerCall::judge_size(std::size_t bytes) {
  const RequestForm& form = method_->form;
  next_memory_bytes_ = bytes;
  if (!form.type) return NextMessage::here;
  if (bytes < weighed_bytes_min) {
    take_for_heaviest(bytes);
    return NextMessage::here;
  }
  if (bytes > parsed_here_bytes_max) return NextMessage::elsewhere;
  if (!form.shape) return NextMessage::here;
  const std::vector<Bytes> pieces =
      buffer_.restored().empty() ? buffer_.next_pieces() : std::vector{buffer_.restored()};
  const MessageWeight weight = form.shape->weigh(pieces, parsed_here_fields_max);
  next_memory_bytes_ = weight.memory_bytes;
  return weight.fields > parsed_here_fields_max ? NextMessage::elsewhere : NextMessage::here;
}

/// Its decompression is paid for in advance: the call may end before it is done.
std::unique_ptr<LongWork> ServerCall::begin_parse() {
  const Bytes restored = buffer_.restored();
  Compression encoding = Compression::identity;
  std::vector<std::uint8_t> message(restored.begin(), restored.end());
  if (restored.empty()) {
    encoding = buffer_.next_compression();
    if (encoding != Compression::identity) {
      if (!may_inflate()) return nullptr;
      inflation_paid_ = connection_->inflation().charge(buffer_.next_bytes(), buffer_.max_message_bytes());
    }
    message = join(buffer_.next_pieces());
  }
  parsing_bytes_ = message.size();
  account();
  return std::make_unique<ParseWork>(std::move(message), encoding, buffer_.max_message_bytes(),
                                     connection_->room_bytes(), method_->form);
}

void ServerCall::on_parsed(Result<std::unique_ptr<LongWork>> done) noexcept {
  contain([&] {
    if (!done) return fail_call(done.error());
    take_parsed_work(**done);
  });
}

void ServerCall::take_parsed_work(LongWork& done) {
  auto& work = static_cast<ParseWork&>(done);
  parsing_bytes_ = 0;
  if (inflation_paid_ > 0) {
    connection_->inflation().refund(std::exchange(inflation_paid_, 0));
    (void)connection_->inflation().charge(buffer_.next_bytes(), work.restored_bytes);
  }
  if (!work.status.ok()) return fail_call(as_of_server(work.status));
  if (work.parsed) {
    parsed_ = std::move(work.parsed);
    parsed_bytes_ = work.memory_bytes;
    parsed_unweighed_ = false;
    buffer_.skip();
    buffer_.forget_taken();
    next_ = NextMessage::not_judged;
    account();
    if (const Status status = connection_->check_buffered(0); !status.ok()) return fail_call(status);
  } else {
    buffer_.put_restored(std::move(work.bytes()));
    next_memory_bytes_ = work.memory_bytes;
    next_ = NextMessage::here;
  }
  if (one_request(method_->method->kind)) {
    start_handler();
  } else {
    wake_reader();
  }
  if (connection_) settle();
}

/// The call is over, or its handler is.
void ServerCall::drop_work() noexcept {
  parse_turn_.leave();
  compress_turn_.leave();
  compressed_.reset();
  parsed_.reset();
  parsing_bytes_ = compressing_bytes_ = 0;
  worked_on_ = false;
}

/// The message has been serialized.
void ServerCall::compress_message() {
  worked_on_ = true;
  if (compressed_->plain_bytes() > compressed_here_bytes_max) {
    compressing_bytes_ = compressed_->plain_bytes();
    connection_->work_line().join(compress_turn_);
    return account();
  }
  send_compressed(compressed_->finish(compression_));
  compressed_.reset();
}

std::unique_ptr<LongWork> ServerCall::begin_compress() {
  return std::make_unique<CompressWork>(std::move(compressed_), compression_);
}

void ServerCall::on_compressed(Result<std::unique_ptr<LongWork>> done) noexcept {
  contain([&] {
    compressing_bytes_ = 0;
    if (!done) return fail_call(done.error());
    send_compressed(static_cast<CompressWork&>(**done).framed());
    if (end_) return send_status(*std::exchange(end_, std::nullopt));
    wake_writer();
  });
}

void ServerCall::send_compressed(Bytes framed) {
  connection_->count_written(framed.size());
  connection_->session().send_data(*stream_, framed, false);
  account();
  connection_->flush_soon();
}

/// A copy of what the buffer has found, which may be cleared. It says who has the limit: the client has one,
/// too.
Status ServerCall::as_of_server(const Status& fault) {
  if (fault.cause() != Cause::message_too_large) return fault;
  return Status(fault.code(), "the server " + std::string(fault.message()), fault.initiator())
      .with_cause(fault.cause());
}

}  // namespace ringrpc
