/// One call on the server: from the request's headers to the closed stream.
///
/// 1. `begin` takes the request's headers; body bytes go to the message buffer.
/// 2. At the end of a batch of input the handler is started (as soon as its one request is whole, or at once
///    where requests stream) or resumed with what has arrived, which it parses where it was received.
///    A message that takes long to decompress or to parse goes to the thread beside the shard first, and so
///    does a response that takes long to compress (rpc/message/work_line.h).
/// 3. When the handler ends, its status leaves as trailers. When the call is lost before that (reset,
///    deadline, connection), the handler's frame is destroyed, never from inside its own doing.
/// 4. When the stream has closed and no handler is left, the call goes back to its shard's pool.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "ringrpc/call.h"
#include "ringrpc/service.h"
#include "ringrpc/stream.h"
#include "ringrpc/task.h"

#include "base/caught.h"
#include "http2/session.h"
#include "reactor/ready_list.h"
#include "reactor/timer.h"
#include "rpc/call/message_room.h"
#include "rpc/message/compressed_message.h"
#include "rpc/message/message_buffer.h"
#include "rpc/message/work_line.h"
#include "rpc/server/method_table.h"

namespace ringrpc {

class ServerConnection;

struct CallTag;
struct BatchTag;

/// On its connection's list of calls while it is in use, and on the list of the present batch when input
/// arrived for it.
class ServerCall final : public Call,
                         public MessageStream,
                         public ListNodeOf<CallTag>,
                         public ListNodeOf<BatchTag>,
                         private http2::StreamEvents,
                         private TaskObserver,
                         private Ready,
                         private Timer {
 public:
  /// Limits of the request's messages and of the response's.
  ServerCall(SlabPool& slabs, std::size_t max_message_bytes, std::size_t max_response_bytes);

  /// Takes up a request whose headers have been checked. `timeout` is the caller's, Nanoseconds::max() for
  /// none; `encoding` is that of compressed requests.
  void begin(ServerConnection& connection, http2::Stream& stream, const RegisteredMethod& method,
             Nanoseconds timeout, Compression encoding);

  /// Runs a step of the call. What it throws for want of memory fails the call; where there is none to say that
  /// with, it ends the connection.
  template <class Step>
  void contain(Step step) noexcept {
    try {
      step();
    } catch (...) {
      give_up(caught());
    }
  }

  /// The client has ended its sending on the whole connection.
  void on_half_close();

  /// Starts or resumes the handler with what arrived in this batch.
  void on_batch();
  /// Copies what arrived in this batch, for `on_batch` to be called when its memory has gone.
  void keep_batch();

  /// Fails the call where its connection holds too much while its batch waits.
  void check_room();

  /// The connection is gone: destroys the handler's frame. From the ready list.
  void abandon() noexcept;

  /// Ends the call with a failure of its own: sends the status now, destroys the handler later.
  void fail_call(const Status& status);

  /// Tells the connection how many bytes of input and output it holds now.
  void account();

  /// Whether the caller has begun something that it must go on with: a request of one message, or a message
  /// of several that is not whole.
  bool unfinished() const noexcept {
    if (status_sent_ || request_ended_) return false;
    return one_request(method_->method->kind) || (!buffer_.empty() && !buffer_.ready());
  }
  /// Fails the call when its request stands still. Call each second while it is unfinished, and once after.
  void watch_request();

  /// Of its messages, what has not left the session.
  std::size_t unsent_bytes() const noexcept { return stream_ ? stream_->queued_bytes() : 0; }

  // Call
  std::string_view method() const noexcept override { return method_->path; }
  const Metadata& metadata() override;
  Metadata& initial_metadata() override { return initial_metadata_; }
  void send_initial_metadata() override;
  Metadata& trailing_metadata() override { return trailing_metadata_; }
  Metadata& attributes() override { return attributes_; }
  void set_compression(Compression compression) override;
  bool message_compressed() const noexcept override { return buffer_.took_compressed(); }
  Compression message_compression() const noexcept override { return buffer_.took_compression(); }
  Instant deadline() const noexcept override { return deadline_; }
  Instant received_at() const noexcept override { return received_at_; }
  std::string peer() const override;
  PeerIdentity peer_identity() const override;
  Status failure() const override { return failure_; }
  Instant now() const noexcept override;

  // MessageStream
  bool message_ready() override;
  std::optional<Pieces> take_message() override;
  void reject_message() override;
  void wait_message(Waiter* waiter) override;
  std::span<std::uint8_t> reserve_message(std::size_t bytes, bool may_compress) override;
  std::span<std::uint8_t> reserve_more() override;
  void commit_message() override;
  bool writable() const override;
  void wait_writable(Waiter* waiter) override { writable_waiter_ = waiter; }

 private:
  /// When a message last came on, and how many bytes had arrived by then.
  struct RequestProgress {
    Instant at;
    std::uint64_t received_bytes;
  };

  // http2::StreamEvents
  void on_data(Bytes bytes) override {
    contain([&] { take_data(bytes); });
  }
  void on_end() override;
  void on_writable() override;
  void on_closed(http2::ErrorCode code, bool by_peer) override;

  void on_task_done() override;
  void run() override {
    contain([this] { go_on(); });
  }
  void on_time() override;
  void take_data(Bytes bytes);
  void go_on();
  void give_up(const Status& why) noexcept;

  /// A smaller message is not weighed before it is parsed, but taken for the heaviest of its size.
  static constexpr std::size_t weighed_bytes_min = 1024;
  static constexpr std::size_t memory_per_byte_max = 64;

  /// How the message that waits is to be parsed.
  enum class NextMessage : std::uint8_t { not_judged, here, elsewhere };

  void start_handler();
  bool request_ready();
  // server_call_work.cc
  /// Whether the message that waits may be parsed on the shard. Where it may not, its work begins.
  bool parsed_here() {
    const bool small = buffer_.next_plain() && buffer_.next_bytes() < weighed_bytes_min;
    if (!small) [[unlikely]]
      return large_parsed_here();
    take_for_heaviest(buffer_.next_bytes());
    return true;
  }
  void take_for_heaviest(std::size_t message_bytes) noexcept {
    next_memory_bytes_ = message_bytes * memory_per_byte_max;
    parsed_unweighed_ = true;
  }
  bool large_parsed_here();
  NextMessage judge_next();
  NextMessage judge_size(std::size_t bytes);
  void weigh_parsed();
  bool may_inflate();
  bool restored_here();
  std::unique_ptr<LongWork> begin_parse();
  void on_parsed(Result<std::unique_ptr<LongWork>> done) noexcept;
  void take_parsed_work(LongWork& done);
  std::unique_ptr<LongWork> begin_compress();
  void on_compressed(Result<std::unique_ptr<LongWork>> done) noexcept;
  void drop_work() noexcept;
  void compress_message();
  void send_compressed(Bytes framed);
  static Status as_of_server(const Status& fault);

  void settle();
  void end(const Status& status);
  template <class Step>
  void step_handler(Step step);
  void wake_reader();
  void wake_writer();
  void complete();
  Status check_answer() const;
  Status send_initial_headers();
  void send_status(const Status& status);
  void count_end(const Status& status) noexcept;
  void log_end(const Status& status) const;
  void tell_interceptors(const Status& status) noexcept;
  void give_credit();
  void drop_handler() noexcept;
  void release_if_over() noexcept;

  std::size_t max_response_bytes_;
  ServerConnection* connection_ = nullptr;
  http2::Stream* stream_ = nullptr;  // null once it has closed
  const RegisteredMethod* method_ = nullptr;
  Task<Status> task_;
  MessageBuffer buffer_;
  Compression compression_ = Compression::identity;  // of responses
  std::unique_ptr<CompressedMessage>
      compressed_;  // while one of them is being written, or waits for its turn
  WorkLine::TurnOf<ServerCall, &ServerCall::begin_parse, &ServerCall::on_parsed> parse_turn_{*this};
  WorkLine::TurnOf<ServerCall, &ServerCall::begin_compress, &ServerCall::on_compressed> compress_turn_{*this};
  bool worked_on_ = false;  // one of these has been taken, or parsed_ has been filled
  NextMessage next_ = NextMessage::not_judged;
  std::size_t next_memory_bytes_ = 0;  // of the message that waits, once it is parsed
  std::size_t parsed_bytes_ = 0;       // of the message last parsed, while the handler may have it
  bool parsed_unweighed_ = false;      // that is a bound by its size alone
  std::size_t parsing_bytes_ = 0;      // of the copy that is being parsed
  std::size_t inflation_paid_ = 0;     // for its decompression
  std::size_t compressing_bytes_ = 0;  // of the response that waits to be compressed
  std::optional<Status> end_;          // how the call ends once that response has left
  std::size_t header_bytes_ = 0;       // of the request, once it has waited for something
  std::size_t uncredited_bytes_ = 0;   // received and not given back to the peer's window
  MessageRoom room_;                   // of the one being written otherwise
  std::size_t held_bytes_ = 0;         // of input and output, as the connection knows it
  std::uint64_t received_bytes_ = 0;
  std::optional<RequestProgress> progress_;  // of a message that is not whole, while it is watched
  Instant received_at_;
  Instant deadline_ = never;
  Waiter* message_waiter_ = nullptr;
  Waiter* writable_waiter_ = nullptr;
  Status failure_;  // how it ended, unless with OK
  std::optional<Metadata> metadata_;
  Metadata initial_metadata_;
  Metadata trailing_metadata_;
  Metadata attributes_;
  bool request_ended_ = false;
  bool started_ = false;
  bool handler_begun_ = false;
  bool stepping_ = false;  // the handler is being resumed by this object
  bool headers_sent_ = false;
  bool message_sent_ = false;
  bool status_sent_ = false;
  bool drop_handler_ = false;  // the handler is to be destroyed from the ready list
};

}  // namespace ringrpc
