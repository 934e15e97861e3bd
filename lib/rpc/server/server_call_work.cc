/// Messages that take long to parse or to compress: recognizes them, passes them to the thread beside the
/// shard, and takes the results.
#include <utility>

#include "rpc/message/message_work.h"
#include "rpc/server/server_call.h"
#include "rpc/server/server_connection.h"

namespace ringrpc {
namespace {

// A shard spends at most a millisecond on a message of these sizes.

/// Of a message that came compressed, after its decompression.
constexpr std::size_t restored_here_bytes_max = 16 * 1024;
/// Of a response, before its compression.
constexpr std::size_t compressed_here_bytes_max = 16 * 1024;
/// Of a message to be parsed.
constexpr std::size_t parsed_here_bytes_max = 256 * 1024;
/// Fields of a message to be parsed and of the messages inside it. Each may become an object of its own.
constexpr std::size_t parsed_here_fields_max = 4096;

}  // namespace

bool ServerCall::large_parsed_here() {
  using enum NextMessage::Place;
  if (call_.next.place == not_judged) {
    const NextMessage::Place place = judge_next();  // which may fail the call
    call_.next.place = place;
  }
  if (call_.next.place == shard) return true;
  if (call_.response == Response::ended || work().parse_turn.taken()) return false;
  call_.connection->work_line().join(work().parse_turn);
  return false;
}

ServerCall::Work& ServerCall::work() {
  if (!call_.work) call_.work.emplace(*this);
  return *call_.work;
}

ServerCall::NextMessage::Place ServerCall::judge_next() {
  if (buffer_.next_compression() == Compression::identity) return judge_size(buffer_.next_bytes());
  if (!may_inflate() || !restored_here()) return NextMessage::Place::beside_shard;
  return judge_size(buffer_.restored().size());
}

/// True if the connection may have a message decompressed now. If not, the call fails.
bool ServerCall::may_inflate() {
  const Status status = call_.connection->check_inflation();
  if (!status.ok()) fail_call(status);
  return status.ok();
}

/// True if the next message, which is compressed, was decompressed here or found to be malformed.
bool ServerCall::restored_here() {
  const std::size_t bytes = buffer_.next_bytes();
  if (bytes > restored_here_bytes_max || !buffer_.restore_next(restored_here_bytes_max)) return false;
  const std::size_t restored = buffer_.restored().size();
  (void)call_.connection->inflation().charge(bytes, restored > 0 ? restored : restored_here_bytes_max);
  return true;
}

/// Replaces the estimate of a request that the handler keeps. Its bytes are still where it was parsed.
void ServerCall::weigh_parsed() {
  call_.estimate = Estimate::weighed;
  const Bytes message = buffer_.taken();
  if (call_.parsed_bytes == 0 || message.empty()) return;
  const MessageShape* const shape = call_.method->form.shape;
  call_.parsed_bytes =
      shape ? shape->weigh(Pieces(&message, 1), message.size()).memory_bytes : message.size();
}

ServerCall::NextMessage::Place ServerCall::judge_size(std::size_t bytes) {
  using enum NextMessage::Place;
  const RequestForm& form = call_.method->form;
  call_.next.memory_bytes = bytes;
  if (!form.type) return shard;
  if (bytes < weighed_bytes_min) {
    take_for_heaviest(bytes);
    return shard;
  }
  if (bytes > parsed_here_bytes_max) return beside_shard;
  if (!form.shape) return shard;
  const std::vector<Bytes> pieces =
      buffer_.restored().empty() ? buffer_.next_pieces() : std::vector{buffer_.restored()};
  const MessageWeight weight = form.shape->weigh(pieces, parsed_here_fields_max);
  call_.next.memory_bytes = weight.memory_bytes;
  return weight.fields > parsed_here_fields_max ? beside_shard : shard;
}

/// Charges for the decompression in advance: the call may end before the work is done.
std::unique_ptr<LongWork> ServerCall::begin_parse() {
  const Bytes restored = buffer_.restored();
  Compression encoding = Compression::identity;
  std::vector<std::uint8_t> message(restored.begin(), restored.end());
  if (restored.empty()) {
    encoding = buffer_.next_compression();
    if (encoding != Compression::identity) {
      if (!may_inflate()) return nullptr;
      work().inflation_paid =
          call_.connection->inflation().charge(buffer_.next_bytes(), buffer_.max_message_bytes());
    }
    message = join(buffer_.next_pieces());
  }
  work().parsing_bytes = message.size();
  account();
  return std::make_unique<ParseWork>(std::move(message), encoding, buffer_.max_message_bytes(),
                                     call_.connection->room_bytes(), call_.method->form);
}

void ServerCall::on_parsed(Result<std::unique_ptr<LongWork>> done) noexcept {
  contain([&] {
    if (!done) return fail_call(done.error());
    take_parsed_work(**done);
  });
}

void ServerCall::take_parsed_work(LongWork& done) {
  auto& parse = static_cast<ParseWork&>(done);
  const std::size_t parsed_bytes = std::exchange(work().parsing_bytes, 0);
  if (const std::size_t paid = std::exchange(work().inflation_paid, 0); paid > 0) {
    call_.connection->inflation().refund(paid);
    (void)call_.connection->inflation().charge(buffer_.next_bytes(), parse.restored_bytes);
  }
  if (!parse.status.ok()) return fail_message(parse.status);
  const std::size_t message_bytes = parse.restored_bytes > 0 ? parse.restored_bytes : parsed_bytes;
  if (parse.parsed) {
    work().parsed = std::move(parse.parsed);
    parses_ahead_ = true;
    call_.parsed_bytes = parse.memory_bytes;
    call_.estimate = Estimate::weighed;
    count_received();
    if (call_.span) [[unlikely]] {
      call_.taken_wire_bytes = buffer_.next_bytes();
      note_received(message_bytes);
    }
    buffer_.skip();
    buffer_.forget_taken();
    call_.next.place = NextMessage::Place::not_judged;
    account();
    if (const Status status = call_.connection->check_buffered(0); !status.ok()) return refuse(status);
  } else {
    buffer_.put_restored(std::move(parse.bytes()));
    call_.next.memory_bytes = parse.memory_bytes;
    call_.next.place = NextMessage::Place::shard;
  }
  if (one_request(call_.method->method->kind)) {
    start_handler();
  } else {
    wake_reader();
  }
  if (call_.connection) settle(/*begins=*/false);
}

/// The call has ended.
void ServerCall::drop_work() noexcept {
  call_.work.reset();
  parses_ahead_ = false;
}

std::unique_ptr<ParsedMessage> ServerCall::take_parsed_ahead() {
  parses_ahead_ = false;
  return std::move(call_.work->parsed);
}

/// The message has been serialized.
void ServerCall::compress_message() {
  Work& work = *call_.work;
  if (work.compressed->plain_bytes() > compressed_here_bytes_max) {
    work.compressing_bytes = work.compressed->plain_bytes();
    call_.connection->work_line().join(work.compress_turn);
    return account();
  }
  send_compressed(work.compressed->finish(call_.compression));
  work.compressed.reset();
}

std::unique_ptr<LongWork> ServerCall::begin_compress() {
  return std::make_unique<CompressWork>(std::move(call_.work->compressed), call_.compression);
}

void ServerCall::on_compressed(Result<std::unique_ptr<LongWork>> done) noexcept {
  contain([&] {
    call_.work->compressing_bytes = 0;
    if (!done) return fail_call(done.error());
    send_compressed(static_cast<CompressWork&>(**done).framed());
    if (call_.work->end) return send_status(*std::exchange(call_.work->end, std::nullopt));
    wake_writer();
  });
}

void ServerCall::send_compressed(Bytes framed) {
  call_.connection->count_written(framed.size());
  call_.traffic.sent_bytes += framed.size() - MessageBuffer::prefix_bytes;
  count_sent();
  if (call_.span) [[unlikely]]
    note_sent(framed.size() - MessageBuffer::prefix_bytes);
  call_.connection->session().send_data(*call_.stream, framed, false);
  account();
  call_.connection->flush_soon();
}

/// Ends the call because of a message of the request.
void ServerCall::fail_message(const Status& fault) {
  if (call_.response == Response::ended) return;
  if (fault.cause() == Cause::message_too_large) {
    call_.connection->count_refused(CallLimit::message_bytes);
  } else if (fault.code() == Code::RESOURCE_EXHAUSTED && fault.cause() == Cause::other) {
    call_.connection->count_refused(CallLimit::buffered_bytes);  // parsing would take too much
  }
  fail_call(as_of_server(fault));
}

/// A copy of the buffer's fault, since the buffer may be cleared. Names the server as the one with the limit:
/// the client has one, too.
Status ServerCall::as_of_server(const Status& fault) {
  if (fault.cause() != Cause::message_too_large) return fault;
  return Status(fault.code(), "the server " + std::string(fault.message()), fault.initiator())
      .with_cause(fault.cause());
}

}  // namespace ringrpc
