/// One call on the client: from the request's headers to the status.
///
/// 1. Until a connection takes it up, what is written waits in the call.
/// 2. `attach` opens the stream; from then on messages go to the session as they are written. A copy stays
///    here until the server is known to have begun, if it is not large: when the server says that it has not
///    (GOAWAY, REFUSED_STREAM), the call queues again, once; when its GOAWAY came before the request had
///    left, as often as that happens (gRFC A6, "Transparent Retries").
/// 3. Received messages wait in the buffer, bounded by the stream's window; the reader is woken with them.
/// 4. The status is known when the stream has ended, was reset, the deadline passed or the connection was
///    lost, whichever is first.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/channel.h"

#include "base/caught.h"
#include "base/frame_allocator.h"
#include "base/lifetime.h"
#include "http2/session.h"
#include "reactor/intrusive_list.h"
#include "reactor/shard.h"
#include "rpc/call/message_room.h"
#include "rpc/message/compressed_message.h"
#include "rpc/message/message_buffer.h"

namespace ringrpc {

class ClientConnection;
class ChannelCore;

struct ClientCallTag;
struct ClientBatchTag;

class ClientCallImpl final : public ClientCall,
                             public ListNodeOf<ClientCallTag>,
                             public ListNodeOf<ClientBatchTag>,
                             public Pooled,
                             private http2::StreamEvents,
                             private Ready,
                             private Timer {
 public:
  ClientCallImpl(ChannelCore& channel, std::string_view path, MethodKind kind, const CallOptions& options);
  ~ClientCallImpl() override;

  /// Runs a step of the call. What it throws for want of memory fails the call.
  template <class Step>
  void contain(Step step) noexcept {
    try {
      step();
    } catch (...) {
      give_up(caught());
    }
  }

  /// What is wrong with sending a message of `bytes`, if anything is.
  static Status check_request(std::size_t bytes, const ChannelOptions& options);

  /// Opens the stream on `connection`, which has room for it, and sends what was written so far. The call ends
  /// where that fails.
  void attach(ClientConnection& connection) noexcept;
  /// Waits in the channel's queue, until `attach` or the end.
  void join_queue(ListOf<ClientCallImpl, ClientCallTag>& queue) noexcept;
  Instant deadline() const noexcept { return deadline_; }
  bool waits_for_ready() const noexcept { return wait_for_ready_; }
  /// Ends the call with this status, unless it has one.
  void finish(Status status) noexcept;
  /// The same, also where the server has said that all went well: what came is not what was agreed, or nobody
  /// read it.
  void fail(const Status& status) noexcept;
  /// Whether the one response of a unary or client-streaming call waits to be taken.
  bool response_waits() const noexcept { return one_response(kind_) && buffer_.ready(); }
  /// The connection or the channel is gone: the call lets go of both and ends with this status, unless it has
  /// one.
  void detach(Status status) noexcept;

  /// Wakes, from the ready list, whoever need not wait any more.
  void wake_soon() noexcept;
  /// Wakes whoever waits for what arrived in this batch.
  void on_batch() noexcept { wake(); }

  // MessageStream
  bool message_ready() override;
  std::optional<Pieces> take_message() override;
  bool message_compressed() const noexcept override { return buffer_.took_compressed(); }
  void reject_message() override;
  void wait_message(Waiter* waiter) override { message_waiter_ = waiter; }
  std::span<std::uint8_t> reserve_message(std::size_t bytes, bool may_compress) override;
  std::span<std::uint8_t> reserve_more() override;
  void commit_message() override;
  bool writable() const override;
  void wait_writable(Waiter* waiter) override { writable_waiter_ = waiter; }

  // ClientCall
  void writes_done() override;
  bool queued() const noexcept override { return queued_; }
  bool answered() const noexcept override { return http_status_ != 0 || finished_; }
  void wait_answered(Waiter* waiter) override { answer_waiter_ = waiter; }
  bool finished() const noexcept override { return finished_; }
  void wait_finished(Waiter* waiter) override { finish_waiter_ = waiter; }
  Status take_status() override { return std::exchange(status_, Status()); }
  void cancel() override;

 private:
  // http2::StreamEvents
  void on_headers() override {
    contain([this] { take_headers(); });
  }
  void on_data(Bytes bytes) override {
    contain([&] { take_data(bytes); });
  }
  void on_trailers() override {
    contain([this] { take_trailers(); });
  }
  void on_end() override {
    contain([this] { take_end(); });
  }
  void on_writable() override { wake_soon(); }
  void on_closed(http2::ErrorCode code, bool by_peer) override {
    contain([&] { leave_stream(code, by_peer); });
  }

  void run() override { wake(); }
  void on_time() override;

  void take_headers();
  void take_data(Bytes bytes);
  void take_trailers();
  void take_end();
  void leave_stream(http2::ErrorCode code, bool by_peer);
  Status too_late() const;
  void open(ClientConnection& connection);
  void give_up(const Status& why) noexcept;
  Waiter* next_waiter();
  void wake() noexcept;
  void leave_batch() noexcept;
  void keep_input() noexcept;
  void leave_queue() noexcept;
  std::span<std::uint8_t> make_room(std::size_t bytes, bool may_compress);
  void queue_message();
  void write(Bytes message);
  void stop_keeping_request();
  bool sent_again(bool left);
  void give_credit() noexcept;
  void read_encoding();
  void read_response_metadata(Metadata& to);
  void read_status(std::span<const http2::Header> headers);
  Status status_without_grpc_status() const;
  void reset_stream(http2::ErrorCode code) noexcept;

  Shard& shard_;
  ChannelCore* channel_;  // null once it is gone
  std::basic_string<char, std::char_traits<char>, FrameAllocator<char>> path_;
  MethodKind kind_;
  Instant deadline_;
  bool wait_for_ready_;
  Metadata request_metadata_;
  ResponseMetadata* response_;

  ClientConnection* connection_ = nullptr;  // these two from attach until the stream has closed
  http2::Stream* stream_ = nullptr;
  std::vector<std::uint8_t, FrameAllocator<std::uint8_t>>
      request_;                         // what was written, as long as it may have to be sent (again)
  std::size_t kept_message_bytes_ = 0;  // of the message being written, where it is kept there
  MessageRoom room_;                    // of the same where it is not
  Compression compression_;             // of requests
  std::unique_ptr<CompressedMessage> compressed_;  // while one of them is being written
  bool keeps_request_ = true;
  bool queued_ = false;  // in the channel's queue
  bool retried_ = false;
  bool writes_done_ = false;

  MessageBuffer buffer_;
  std::size_t uncredited_bytes_ = 0;
  std::uint32_t http_status_ = 0;
  bool speaks_grpc_ = false;  // by its content-type
  std::string content_type_;  // when it does not
  std::optional<Status> grpc_status_;
  bool body_seen_ = false;
  bool trailers_seen_ = false;
  std::uint64_t messages_taken_ = 0;
  bool finished_ = false;
  Status status_;

  Waiter* message_waiter_ = nullptr;
  Waiter* writable_waiter_ = nullptr;
  Waiter* answer_waiter_ = nullptr;
  Waiter* finish_waiter_ = nullptr;
  Lifetime lifetime_;
};

}  // namespace ringrpc
