/// The two directions of a streaming call: a Reader receives messages, a Writer sends them.
///
///   while (auto point = co_await in.next()) ++count;      // ends when the peer has finished sending
///   co_await out.write(feature);                          // waits while the peer is not reading
///
/// One `next` and one `write` of a call may wait at the same time, but not two of either: the second throws
/// std::logic_error. HTTP/2 flow control
/// (RFC 9113, 5.2) limits the memory that a call holds: a peer that sends faster than the call reads has to
/// wait, and `write` waits for a peer that reads slowly. All of a call runs on its shard.
#pragma once

#include "ringrpc/compiler.h"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <google/protobuf/io/zero_copy_stream.h>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "ringrpc/bytes.h"
#include "ringrpc/codec.h"
#include "ringrpc/export.h"
#include "ringrpc/status.h"
#include "ringrpc/suspended.h"
#include "ringrpc/task.h"

namespace ringrpc {

namespace detail {

[[noreturn, gnu::cold]] inline void waits_already(const char* operation) {
  throw std::logic_error(
      std::string("two tasks wait in `") + operation +
      "` of one call: let one task read and one write, and hand messages on to the others");
}

}  // namespace detail

/// The messages of a call as bytes. Reader and Writer use it; the library implements it.
/// Belongs to the call's shard.
class RINGRPC_EXPORT MessageStream {
 public:
  /// Waits for one direction. Called once for each wait, from the shard's ready list.
  class Waiter {
   public:
    /// The wait is over.
    virtual void on_ready() = 0;

   protected:
    ~Waiter() = default;
  };

  /// True if `take_message` or `take_parsed` has a message, or no more will come.
  virtual bool message_ready() = 0;
  /// The next message, uncompressed: in one piece, which may be empty, or in several if it is large. Nothing
  /// if no more will come. Valid until the next call of a function of this stream.
  virtual std::optional<Pieces> take_message() = 0;
  /// The next message if the library has parsed it already, as the type that Method::request names; null if
  /// `take_message` has it. Call it before `take_message`.
  std::unique_ptr<ParsedMessage> take_parsed() { return parses_ahead_ ? take_parsed_ahead() : nullptr; }
  /// True if the message taken last was compressed.
  virtual bool message_compressed() const noexcept = 0;
  /// Fails the call with INTERNAL, because the message that was taken last is not of the method's type. `why`
  /// is what is wrong with it, if that is known.
  virtual void reject_message(std::string_view why = {}) = 0;
  /// Calls `waiter` once `message_ready` is true; null cancels the wait. One waiter at a time, which may
  /// register again; throws std::logic_error while another waits.
  virtual void wait_message(Waiter* waiter) = 0;

  /// Room for a message of `bytes` bytes: for all of it, or for its beginning if it is large. Call it
  /// only while `writable`. The message is sent compressed if it `may_compress` and the call has a
  /// compression. Its `data()` is null if the call is over, or if the message is over the limit: then
  /// the call fails with RESOURCE_EXHAUSTED.
  virtual std::span<std::uint8_t> reserve_message(std::size_t bytes, bool may_compress) = 0;
  /// Room for the following part, once the room before is filled, until there is room for all `bytes`. Null
  /// when memory runs out: the call is over then.
  virtual std::span<std::uint8_t> reserve_more() = 0;
  /// Queues the message once all its room is filled. False if the call is over and the message is not sent.
  virtual bool commit_message() = 0;
  /// True if another message may be written without waiting.
  virtual bool writable() const = 0;
  /// As `wait_message`, for `writable`.
  virtual void wait_writable(Waiter* waiter) = 0;

  /// Ends the call with `why`, unless it has ended.
  virtual void fail_call(const Status& why) = 0;

 protected:
  ~MessageStream() = default;

  /// Implements the functions that register a waiter for `operation`.
  static void set_waiter(Waiter*& place, Waiter* waiter, const char* operation) {
    if (waiter && place && place != waiter) [[unlikely]]
      detail::waits_already(operation);
    place = waiter;
  }

  /// Implements `take_parsed` while `parses_ahead_` is true.
  virtual std::unique_ptr<ParsedMessage> take_parsed_ahead() { return nullptr; }

  bool parses_ahead_ = false;  ///< true if `take_parsed_ahead` may have a message
};

/// Options of one message that is written.
struct WriteOptions {
  /// False sends the message uncompressed, whatever the call's compression. For content that is already
  /// compressed, or that has secrets beside data from an attacker (gRPC's compression.md).
  bool compress = true;
};

namespace detail {

/// The room for a large message, as a stream that protobuf fills.
class RINGRPC_EXPORT RoomStream final : public google::protobuf::io::ZeroCopyOutputStream {
 public:
  /// `first` is the room that reserve_message gave for `bytes` bytes.
  RoomStream(MessageStream& stream, std::span<std::uint8_t> first, std::size_t bytes) noexcept
      : stream_(stream), room_(first), bytes_(bytes) {}
  bool Next(void** data, int* size) override;
  /// Never called: the room has exactly the size of the message.
  void BackUp(int) override {}
  std::int64_t ByteCount() const override { return static_cast<std::int64_t>(given_bytes_); }

 private:
  MessageStream& stream_;
  std::span<std::uint8_t> room_;
  std::size_t bytes_;
  std::size_t given_bytes_ = 0;
};

/// Serializes a message of `bytes` bytes that does not fit into the `first` room. Not inlined, for
/// the sake of those that do.
template <class T>
[[gnu::noinline]] void write_large(MessageStream& stream, const T& message, std::span<std::uint8_t> first,
                                   std::size_t bytes) {
  RoomStream room(stream, first, bytes);
  serialize_in_pieces(message, bytes, room);
}

}  // namespace detail

/// Serializes `message` into the stream. False if the call is over, or fails because the
/// message is over the limit.
template <class T>
bool write_message(MessageStream& stream, const T& message, WriteOptions options = {}) {
  const std::size_t bytes = Codec<T>::size(message);
  const std::span<std::uint8_t> room = stream.reserve_message(bytes, options.compress);
  if (room.data() == nullptr) return false;
  if (room.size() == bytes) [[likely]] {
    Codec<T>::serialize(message, room.data());
  } else {
    detail::write_large(stream, message, room, bytes);
  }
  return stream.commit_message();
}

namespace detail {

template <class T>
class [[nodiscard("co_await it")]] NextAwaiter final : MessageStream::Waiter {
 public:
  explicit NextAwaiter(MessageStream& stream) noexcept : stream_(stream) {}
  /// Only before it is awaited.
  NextAwaiter(NextAwaiter&& other) noexcept : stream_(other.stream_) {}
  ~NextAwaiter() {
    if (waiting_) stream_.wait_message(nullptr);
  }
  bool await_ready() { return stream_.message_ready(); }
  void await_suspend(std::coroutine_handle<> handle) {
    stream_.wait_message(this);  // may throw
    waiting_ = handle;
  }
  std::optional<T> await_resume() {
    std::optional<T> message;
    if (const auto parsed = stream_.take_parsed()) {
      message = std::move(static_cast<detail::ParsedMessageOf<T>&>(*parsed).message);
    } else if (const std::optional<Pieces> pieces = stream_.take_message()) {
      if (!detail::parse_message(message.emplace(), *pieces)) {
        message.reset();
        stream_.reject_message(detail::parse_fault<T>(*pieces));
      }
    }
    return message;
  }

  /// Does not compile: finds a forgotten `co_await` in a condition.
  template <class Never = T>
  explicit operator bool() const {
    static_assert(never<Never>, "`next()` gives something to wait for: write `co_await` before it");
    return false;
  }

 private:
  void on_ready() override { waiting_.resume(); }

  MessageStream& stream_;
  Suspended waiting_;
};

template <class T>
class [[nodiscard("co_await it")]] WriteAwaiter final : MessageStream::Waiter {
 public:
  WriteAwaiter(MessageStream& stream, const T& written, WriteOptions how) noexcept
      : stream_(stream), message_(written), options_(how) {}
  /// Only before it is awaited.
  WriteAwaiter(WriteAwaiter&& other) noexcept
      : stream_(other.stream_), message_(other.message_), options_(other.options_) {}
  ~WriteAwaiter() {
    if (waiting_) stream_.wait_writable(nullptr);
  }
  bool await_ready() const { return stream_.writable(); }
  void await_suspend(std::coroutine_handle<> handle) {
    stream_.wait_writable(this);  // may throw
    waiting_ = handle;
  }
  bool await_resume() { return write_message(stream_, message_, options_); }

  /// Does not compile: finds a forgotten `co_await` in a condition.
  template <class Never = T>
  explicit operator bool() const {
    static_assert(never<Never>, "`write()` gives something to wait for: write `co_await` before it");
    return false;
  }

 private:
  void on_ready() override { waiting_.resume(); }

  MessageStream& stream_;
  const T& message_;
  WriteOptions options_;
  Suspended waiting_;
};

}  // namespace detail

/// Receives the messages of a call, as Ts. A copy reads the same stream.
template <class T>
class Reader {
 public:
  /// `stream` must outlive this.
  explicit Reader(MessageStream& stream) noexcept : stream_(&stream) {}

  /// Waits for the next message. Gives nothing after the last one. In a handler, the client has then
  /// half-closed the call, or the call has failed (Call::failure). The handler of a failed call is destroyed
  /// at its next wait. In a client, `finish` of the call returns the status. A message that is not a T fails
  /// the call with INTERNAL.
  auto next() noexcept { return detail::NextAwaiter<T>(*stream_); }

 private:
  MessageStream* stream_;
};

/// Sends the messages of a call, from Ts. A copy writes to the same stream.
template <class T>
class Writer {
 public:
  /// `stream` must outlive this.
  explicit Writer(MessageStream& stream) noexcept : stream_(&stream) {}

  /// Waits until there is room, then serializes and queues `message`, which must stay valid until then: await the
  /// result in the same expression, or give the message a name.
  /// False if the call is over and nothing more can be sent. A message that is over the limit fails the
  /// call with RESOURCE_EXHAUSTED.
  auto write(const T& message RINGRPC_LIFETIMEBOUND, WriteOptions options = {}) noexcept {
    return detail::WriteAwaiter<T>(*stream_, message, options);
  }

 private:
  MessageStream* stream_;
};

}  // namespace ringrpc
