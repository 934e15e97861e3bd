/// One call on the server, from the request's headers to the closed stream.
///
/// 1. `begin` takes the request's headers. The body's bytes go to the message buffer.
/// 2. `on_batch`, at the end of a batch of input, starts or resumes the handler. A handler of a single
///    request starts once that request is complete, one that reads a stream starts at once. Messages are
///    parsed where they were received. Those that take long to decompress or to parse go to the thread beside
///    the shard first, as do responses that take long to compress (rpc/message/work_line.h).
/// 3. When the handler ends, its status leaves as trailers. When the call ends first (reset, deadline, lost
///    connection), the handler's frame is destroyed from the ready list, never while the handler runs.
/// 4. When the stream is closed and no handler is left, the call returns to its shard's pool.
///
/// The request, the response and the handler each have a state of their own:
///
///   request    open ----- END_STREAM -----> ended
///
///   response   nothing ---> headers ---> message ---> ended     by a status, with the headers or after them,
///                 |            |                        ^       or when the stream closes first
///                 +------------+------------------------+
///
///   handler    waiting ----------> running <-----> suspended
///                 |                 ^ |  |           |  |
///                 +---> parsing ----+ |  +-----+-----+  |       doomed: the call has ended first
///                                     |        v        |
///                                     |     doomed      |
///                                     |        v        |
///                                     +----> ended <----+
///
/// A call that ends before its handler starts leaves the handler in `waiting` or `parsing`.
#pragma once

#include <array>
#include <cassert>
#include <memory>
#include <optional>
#include <string>

#include "ringrpc/call.h"
#include "ringrpc/log.h"
#include "ringrpc/server_snapshot.h"
#include "ringrpc/service.h"
#include "ringrpc/stream.h"
#include "ringrpc/task.h"

#include "base/caught.h"
#include "http2/session.h"
#include "observe/access_record.h"
#include "observe/call_metrics.h"
#include "observe/call_span.h"
#include "reactor/context.h"
#include "reactor/ready_list.h"
#include "reactor/timer.h"
#include "rpc/call/message_room.h"
#include "rpc/message/compressed_message.h"
#include "rpc/message/message_buffer.h"
#include "rpc/message/work_line.h"
#include "rpc/server/method_table.h"

namespace ringrpc {

class ServerConnection;
struct RequestFields;

struct CallTag;
struct BatchTag;

/// A call in use is on its connection's list of calls, and on the list of the current batch if it has input.
/// All calls from the session or the shard run in `contain`: running out of memory fails the call, or ends
/// the connection if the failure cannot be sent.
class ServerCall final : public Call,
                         public MessageStream,
                         public ExceptionBarrier<ServerCall>,
                         public ListNodeOf<CallTag>,
                         public ListNodeOf<BatchTag>,
                         private ContextSource,
                         private http2::StreamEvents,
                         private TaskObserver,
                         private Ready,
                         private Timer {
 public:
  /// The limits apply to one message of the request, and to one of the response.
  ServerCall(SlabPool& slabs, std::size_t max_message_bytes, std::size_t max_response_bytes);

  /// Begins the call of a request whose headers are valid. Call once after taking the object from the pool.
  void begin(ServerConnection& connection, http2::Stream& stream, const RegisteredMethod& method,
             const RequestFields& request);

  /// Keeps the method of this call alone, which `begin` gets.
  void keep(std::unique_ptr<const RegisteredMethod> method) noexcept {
    call_.unregistered = std::move(method);
  }

  /// The client has half-closed the connection: an incomplete request will never be complete.
  void on_half_close();

  /// Starts or resumes the handler with the input of this batch. Not from inside the handler.
  void on_batch();
  /// Copies the input of this batch, because its memory is released before `on_batch` is called.
  void keep_batch();

  /// Fails the call if its connection holds too much memory while the batch waits.
  void check_room();

  /// The connection is lost: destroys the handler. Not from inside the handler.
  void abandon() noexcept;

  /// Ends the call unless it has ended: sends `status` now, and destroys the handler later.
  void fail_call(const Status& status) override;

  /// Reports to the connection how many bytes the call holds now: of itself and its handler's coroutines, of
  /// input and of output.
  void account();

  /// True if the client must send more: the request has one message or a partial one, and is not complete.
  bool unfinished() const noexcept {
    if (call_.response == Response::ended || call_.request == Request::ended) return false;
    return one_request(call_.method->method->kind) || (!buffer_.empty() && !buffer_.ready());
  }
  /// Fails the call when its request makes no progress. Call each second while it is unfinished, and once
  /// after.
  void watch_request();

  CallState state() const noexcept;

  /// Bytes of its messages that are still in the session.
  std::size_t unsent_bytes() const noexcept { return call_.stream ? call_.stream->queued_bytes() : 0; }

  // Call
  std::string_view method() const noexcept override { return call_.method->path; }
  const Metadata& metadata() override;
  FoundMetadata find_metadata(std::string_view name) override;
  unsigned previous_attempts() override;
  Metadata& initial_metadata() override { return call_.initial_metadata; }
  void send_initial_metadata() override;
  Metadata& trailing_metadata() override { return call_.trailing_metadata; }
  Metadata& attributes() override { return call_.attributes; }
  void set_compression(Compression compression) override;
  bool message_compressed() const noexcept override { return buffer_.took_compressed(); }
  Compression message_compression() const noexcept override { return buffer_.took_compression(); }
  std::string_view request_id() override;
  Instant deadline() const noexcept override { return call_.deadline; }
  Instant received_at() const noexcept override { return call_.received_at; }
  std::string peer() const override;
  PeerIdentity peer_identity() const override;
  Status failure() const override { return call_.failure; }
  bool stopping() const noexcept override;
  Task<> until_stopping() override;
  Instant now() const noexcept override;

  // MessageStream
  bool message_ready() override;
  std::optional<Pieces> take_message() override;
  void reject_message(std::string_view why) override;
  void wait_message(Waiter* waiter) override;
  std::span<std::uint8_t> reserve_message(std::size_t bytes, bool may_compress) override;
  std::span<std::uint8_t> reserve_more() override;
  bool commit_message() override;
  bool writable() const override;
  void wait_writable(Waiter* waiter) override;

 private:
  enum class Request : std::uint8_t { open, ended };

  /// `message`: at least one has been written. `ended`: the call has its outcome, which the caller sees
  /// unless the stream is closed.
  enum class Response : std::uint8_t { nothing, headers, message, ended };

  enum class Handler : std::uint8_t {
    waiting,    ///< for its request
    parsing,    ///< waits while its one request is parsed beside the shard
    running,    ///< is being started or resumed by this object
    suspended,  ///< waits for something; resumed by it, or by this object
    doomed,     ///< will be destroyed from the ready list; runs on until then if it is running
    ended,      ///< was destroyed, or could not start
  };

  /// Bytes received when a partial message last made progress.
  struct RequestProgress {
    Instant at;
    std::uint64_t received_bytes;
  };

  /// The thread that parses the next message, and the memory that parsing takes.
  struct NextMessage {
    enum class Place : std::uint8_t { not_judged, shard, beside_shard };
    Place place = Place::not_judged;
    std::size_t memory_bytes = 0;
  };

  /// A message of at least `weighed_bytes_min` bytes is weighed before it is parsed. A smaller one counts as
  /// the heaviest of its size, and is weighed later if the handler keeps it.
  enum class Estimate : std::uint8_t { weighed, heaviest };
  static constexpr std::size_t weighed_bytes_min = 1024;
  static constexpr std::size_t memory_per_byte_max = 64;

  friend ExceptionBarrier<ServerCall>;
  void on_exception(const Status& why) noexcept;

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

  void start_handler();
  bool request_ready();

  // Transitions. Each asserts that the diagram has it.
  void enter(Response next) noexcept {
    assert(call_.response < next);
    assert(next != Response::message || call_.response == Response::headers);
    call_.response = next;
  }
  void enter(Handler next) noexcept {
    assert(follows(call_.handler, next));
    call_.handler = next;
    // The end of a handler is the end of its call, which is logged at level debug.
    if (next != Handler::ended && log::enabled(log::Level::trace)) [[unlikely]]
      trace(next);
  }
  static bool follows(Handler from, Handler to) noexcept;
  void trace(Handler next) const noexcept;
  void doom_handler();
  [[gnu::cold]] void refuse(const Status& status);

  // server_call_work.cc
  struct Work;
  std::unique_ptr<ParsedMessage> take_parsed_ahead() override;
  /// True if the next message may be parsed on the shard. If not, its work begins.
  bool parsed_here() {
    const bool small = buffer_.next_plain() && buffer_.next_bytes() < weighed_bytes_min;
    if (!small) [[unlikely]]
      return large_parsed_here();
    take_for_heaviest(buffer_.next_bytes());
    return true;
  }
  void take_for_heaviest(std::size_t message_bytes) noexcept {
    call_.next.memory_bytes = message_bytes * memory_per_byte_max;
    call_.estimate = Estimate::heaviest;
  }
  bool large_parsed_here();
  NextMessage::Place judge_next();
  NextMessage::Place judge_size(std::size_t bytes);
  void weigh_parsed();
  bool may_inflate();
  bool restored_here();
  std::unique_ptr<LongWork> begin_parse();
  void on_parsed(Result<std::unique_ptr<LongWork>> done) noexcept;
  void take_parsed_work(LongWork& done);
  std::unique_ptr<LongWork> begin_compress();
  void on_compressed(Result<std::unique_ptr<LongWork>> done) noexcept;
  Work& work();
  /// True if a response is waiting for its compression, or being compressed beside the shard.
  bool compressing() const noexcept { return call_.work && call_.work->compress_turn.taken(); }
  void drop_work() noexcept;
  void compress_message();
  void send_compressed(Bytes framed);
  static Status as_of_server(const Status& fault);
  void fail_message(const Status& fault);

  void count_headers();
  void settle(bool begins);
  void end(const Status& status);
  template <class Step>
  void step_handler(Step step);
  void wake_reader();
  void wake_writer();
  void complete();
  Status check_response() const;
  Status send_initial_headers();
  void send_status(const Status& status);
  void count_end(const Status& status) noexcept;
  /// The path for what may outlive the call.
  const std::string& lasting_path() const noexcept {
    return call_.unregistered ? unknown_method : call_.method->path;
  }
  // server_call_trace.cc
  [[gnu::cold, gnu::noinline]] void begin_trace(bool traced) noexcept;
  void begin_span(std::optional<TraceContext> parent);
  detail::Context* make() noexcept override;
  void note_received(std::size_t bytes) noexcept;
  void note_sent(std::size_t wire_bytes) noexcept;
  void end_span(const Status& status) noexcept;
  /// Empty if none was made.
  std::string_view made_request_id() const noexcept {
    return call_.made_id_used ? std::string_view(call_.made_id.data(), call_.made_id.size())
                              : std::string_view();
  }
  // server_call_log.cc
  void count_received();
  void count_sent();
  void count_reset(http2::ErrorCode code, bool by_peer);
  void count_lost(const Status& status) noexcept;
  void record_end(Code code) noexcept;
  void log_end(const Status& status) const;
  void tell_interceptors(const Status& status) noexcept;
  void give_credit();
  void drop_handler() noexcept;
  void release_if_over() noexcept;

  /// A message's work beside the shard. Calls whose messages are small and not compressed have none.
  struct Work {
    explicit Work(ServerCall& call) noexcept : parse_turn(call), compress_turn(call) {}

    WorkLine::TurnOf<ServerCall, &ServerCall::begin_parse, &ServerCall::on_parsed> parse_turn;
    WorkLine::TurnOf<ServerCall, &ServerCall::begin_compress, &ServerCall::on_compressed> compress_turn;
    std::size_t parsing_bytes = 0;                  ///< of the copy that is being parsed
    std::size_t inflation_paid = 0;                 ///< for its decompression
    std::unique_ptr<ParsedMessage> parsed;          ///< while `parses_ahead_`
    std::unique_ptr<CompressedMessage> compressed;  ///< a response, until its compression begins
    std::size_t compressing_bytes = 0;              ///< of that response
    std::optional<Status> end;                      ///< follows it: the handler has ended
  };

  /// All that belongs to one call. Replaced whole when the call returns to the pool.
  struct State {
    ServerConnection* connection = nullptr;  ///< null in the pool
    http2::Stream* stream = nullptr;         ///< null once it is closed
    const RegisteredMethod* method = nullptr;
    std::unique_ptr<const RegisteredMethod> unregistered;  ///< `method`, if a Fallback serves the call
    Task<Status> task;
    Request request = Request::open;
    Response response = Response::nothing;
    Handler handler = Handler::waiting;
    bool traced = false;                              ///< `trace_id` is valid
    bool made_id_used = false;                        ///< `made_id` is valid
    bool method_entered = false;                      ///< kept by `Next`
    bool refused = false;                             ///< for lack of memory
    Compression compression = Compression::identity;  ///< of responses
    Estimate estimate = Estimate::weighed;            ///< how `parsed_bytes` was found
    NextMessage next;
    std::size_t parsed_bytes = 0;  ///< memory of the message last parsed, while the handler may have it
    std::optional<Work> work;
    MessageRoom room;                  ///< of the response being written, unless it is compressed
    std::size_t header_bytes = 0;      ///< of the request, once the call has waited: count_headers()
    std::size_t frame_bytes = 0;       ///< of the coroutines with which the handler has begun
    std::size_t uncredited_bytes = 0;  ///< received and not yet returned to the peer's window
    std::size_t held_bytes = 0;        ///< by the call, as last told to the connection
    std::uint64_t received_bytes = 0;
    std::optional<RequestProgress> progress;  ///< of a partial message, while it is watched
    CallMetrics* metrics = nullptr;           ///< null if metrics are off, and there is no access log
    CallTraffic traffic;
    std::uint64_t received_messages = 0;  ///< counted with `metrics`
    std::uint64_t sent_messages = 0;      ///< the same
    std::unique_ptr<CallSpan> span;       ///< null if none is recorded
    // Uninitialized until first used, because most calls do not need them.
    TraceId trace_id;
    std::array<char, request_id_digits> made_id;  ///< the request id, once it was asked for and made here
    std::size_t written_bytes;                    ///< of the response being written, uncompressed
    std::size_t taken_wire_bytes;                 ///< of the message taken last, as it arrived
    Instant begun;
    Instant received_at;
    Instant deadline = never;
    Waiter* message_waiter = nullptr;
    Waiter* writable_waiter = nullptr;
    Status failure;                    ///< how the call ended, unless with OK
    std::optional<Metadata> metadata;  ///< once it was asked for
    Metadata initial_metadata;
    Metadata trailing_metadata;
    Metadata attributes;
  };

  std::size_t max_response_bytes_;
  MessageBuffer buffer_;  // cleared after each call: keeps memory worth keeping
  State call_;
};

}  // namespace ringrpc
