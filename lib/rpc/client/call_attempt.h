/// One attempt of a call: a stream on a connection, and the response that comes on it.
///
///   opening ──▶ awaiting_headers ──▶ headers ──▶ body ──▶ trailers
///      │               │                │         │          │
///      └───────────────┴────────────┬───┴─────────┴──────────┘
///                                   ▼
///                                 ended
///
/// A response may skip `body`, and `trailers` if its first header block has the status (PROTOCOL-HTTP2.md,
/// "Trailers-Only"). An attempt ends with its response, with a reset by either side, or with
/// its connection. It reports to its call, which decides what follows. Messages that arrived
/// before the end can still be taken.
///
/// Received messages wait in a buffer that the stream's window limits. Belongs to its call.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ringrpc/bytes.h"
#include "ringrpc/metadata.h"
#include "ringrpc/status.h"

#include "base/slab.h"
#include "http2/session.h"
#include "reactor/intrusive_list.h"
#include "rpc/call/message_room.h"
#include "rpc/client/peer_name.h"
#include "rpc/message/message_buffer.h"
#include "rpc/message/message_counter.h"

namespace ringrpc {

class ClientConnection;
class OutgoingCall;

struct AttemptTag;
struct AttemptBatchTag;

/// On its connection's list of attempts while its stream is open, and on that of the present batch
/// when input arrived for it.
class CallAttempt final : public ListNodeOf<AttemptTag>,
                          public ListNodeOf<AttemptBatchTag>,
                          private http2::StreamEvents {
 public:
  /// `previous` attempts of the call count in `grpc-previous-rpc-attempts`.
  CallAttempt(OutgoingCall& call, SlabPool& slabs, std::size_t max_message_bytes,
              unsigned previous = 0) noexcept
      : call_(call), previous_(previous), buffer_(slabs, max_message_bytes) {}
  CallAttempt(const CallAttempt&) = delete;
  CallAttempt& operator=(const CallAttempt&) = delete;
  /// Cancels the stream.
  ~CallAttempt() {
    if (stream_) cancel();
  }

  /// Opens the stream on `connection`, which has room for it, and sends the messages written so far. If that
  /// fails, the call is settled. Call once.
  void open(ClientConnection& connection);
  /// The connection is lost: the attempt ends, and settles its call with this status.
  void detach(const Status& why) noexcept;
  /// Ends the attempt and its stream, which is reset.
  void cancel() noexcept;
  /// The address that it went to; empty before it is open.
  std::string_view peer() const noexcept { return peer_.text(); }
  /// True once nothing more will arrive.
  bool ended() const noexcept { return phase_ == Phase::ended; }
  /// True once the response's headers have arrived, until the attempt ends.
  bool has_headers() const noexcept { return phase_ > Phase::awaiting_headers && !ended(); }

  // The request; while the attempt has not ended.
  /// Sends `count` messages with their prefixes.
  void send(Bytes messages, std::uint32_t count, bool end_stream = false);
  /// Room for a message: for all of it, or for its beginning. `reserve_more` gives the rest, or null when
  /// there is no memory for it. `commit_message` sends the message.
  std::span<std::uint8_t> reserve_message(std::size_t bytes);
  std::span<std::uint8_t> reserve_more();
  void commit_message();
  std::size_t queued_bytes() const noexcept { return stream_->queued_bytes(); }

  // The response.
  bool message_ready() const noexcept { return buffer_.ready(); }
  /// Its size as it arrived.
  std::size_t next_message_bytes() const noexcept { return buffer_.next_bytes(); }
  /// Takes the message that is ready; nothing if it is faulty. Call `give_credit` afterwards.
  std::optional<Pieces> take_message() {
    ++messages_taken_;
    return buffer_.take();
  }
  /// Gives the bytes of messages that were taken back to the stream's window, once none is ready.
  void give_credit() noexcept {
    if (uncredited_bytes_ > 0 && stream_ && !buffer_.ready()) give_bytes_back();
  }
  bool message_compressed() const noexcept { return buffer_.took_compressed(); }
  std::uint64_t messages_taken() const noexcept { return messages_taken_; }
  /// The fault of the messages that arrived; OK if there is none.
  const Status& fault() const noexcept { return buffer_.fault(); }
  /// Drops the messages that were not taken.
  void drop_messages() noexcept { buffer_.clear(); }
  /// The readers have been resumed. Copies the input that they left, whose memory the
  /// connection is about to reuse.
  void after_wake() noexcept;

  /// Resumes the waiters for input that arrived in this batch.
  void on_batch() noexcept;

 private:
  /// In the order of the diagram.
  enum class Phase : std::uint8_t { opening, awaiting_headers, headers, body, trailers, ended };

  /// The response's headers, as far as they concern the call's status.
  struct ResponseHead {
    std::uint32_t http_status = 0;
    bool is_grpc = false;
    std::string content_type;      // when it is not gRPC's
    std::string unknown_encoding;  // of messages that may follow
  };

  // http2::StreamEvents
  void on_headers() override;
  void on_data(Bytes bytes) override;
  void on_trailers() override;
  void on_end() override;
  void on_writable() override;
  void on_closed(http2::ErrorCode code, bool by_peer) override;

  http2::Headers& write_headers();

  void take_headers();
  void take_data(Bytes bytes);
  void take_trailers();
  void take_end();
  void leave_stream(http2::ErrorCode code, bool by_peer);
  Status unusable_encoding() const;
  Status reset_status(http2::ErrorCode code, bool by_peer, http2::StreamFault fault) const;
  void read_metadata_into(Metadata& to);
  void read_status();
  Status check_messages();
  Status status_without_grpc_status() const;

  /// Takes a step of the diagram. Any other step is a fault of this class.
  void enter(Phase next) noexcept {
    assert(may_follow(phase_, next));
    phase_ = next;
  }
  static constexpr bool may_follow(Phase from, Phase to) noexcept {
    switch (to) {
      case Phase::opening:
        return false;
      case Phase::awaiting_headers:
        return from == Phase::opening;
      case Phase::headers:
        return from == Phase::awaiting_headers;
      case Phase::body:
        return from == Phase::headers;
      case Phase::trailers:
        return from == Phase::headers || from == Phase::body;
      case Phase::ended:
        return from != Phase::ended;
    }
    return false;
  }
  void fail(Status why) noexcept;
  void count_end(bool success) noexcept;
  void reset(http2::ErrorCode code) noexcept;
  void leave_lists() noexcept;
  void keep_input() noexcept;
  void give_bytes_back() noexcept;

  OutgoingCall& call_;
  ClientConnection* connection_ = nullptr;  // these two until the stream has closed or was reset
  http2::Stream* stream_ = nullptr;
  PeerName peer_;
  Phase phase_ = Phase::opening;
  const std::uint32_t previous_;
  ResponseHead head_;
  std::optional<Status> grpc_status_;
  MessageRoom room_;  // of the message that is being written
  MessageBuffer buffer_;
  MessageCounter arrived_;
  std::size_t uncredited_bytes_ = 0;  // received, and not given back to the stream's window
  std::uint64_t messages_taken_ = 0;
};

}  // namespace ringrpc
