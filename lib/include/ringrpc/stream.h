/// The two directions of a streaming call: a Reader gives messages, a Writer takes them.
///
///   while (auto point = co_await in.next()) ++count;      // ends when the peer has finished sending
///   co_await out.write(feature);                          // waits while the peer is not reading
///
/// One `next` and one `write` may be under way at the same time, not two of either. A peer that sends faster
/// than `next` is called, or reads slower than `write` is, is held back by HTTP/2 flow control, so that
/// memory stays bounded by the windows.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <google/protobuf/io/zero_copy_stream.h>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "ringrpc/bytes.h"
#include "ringrpc/codec.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// A call's messages as bytes; what Reader and Writer stand on. Implemented by the library.
class MessageStream {
 public:
  /// What one direction makes wait: told from the shard's ready list, once per wait.
  class Waiter {
   public:
    virtual void on_ready() = 0;

   protected:
    ~Waiter() = default;
  };

  /// Whether `take_message` or `take_parsed` has something to give.
  virtual bool message_ready() = 0;
  /// The next message, or nothing when no more will come: one piece, perhaps an empty one, or several where
  /// it is large. Valid until the next call on this stream.
  virtual std::optional<Pieces> take_message() = 0;
  /// The next message if the library has parsed it already, as the type that Method::request names; null if
  /// `take_message` has it. Call it before `take_message`.
  std::unique_ptr<detail::ParsedMessage> take_parsed() {
    return parses_ahead_ ? take_parsed_ahead() : nullptr;
  }
  /// Whether the message just taken came compressed.
  virtual bool message_compressed() const noexcept = 0;
  /// The message just taken was not what the method takes: fails the call.
  virtual void reject_message() = 0;
  /// Tells `waiter` when message_ready has become true; null withdraws. One waiter at a time, which may register
  /// again.
  virtual void wait_message(Waiter* waiter) = 0;

  /// Only while `writable`. Room for a message of `bytes`, which leaves compressed if it `may` and the call has a compression: for
  /// all of it, or for its beginning where it is large. Null (`data()`) when the message is larger than may
  /// be sent or the call is over, and the call fails then.
  virtual std::span<std::uint8_t> reserve_message(std::size_t bytes, bool may_compress) = 0;
  /// The room for what follows, once the room before has been filled; until `bytes` are reached. Null when
  /// there is no memory: the call is over then.
  virtual std::span<std::uint8_t> reserve_more() = 0;
  /// Queues the message, all of whose room has been filled. False, and without effect, when the call is over.
  virtual bool commit_message() = 0;
  /// Whether another message may be written without waiting.
  virtual bool writable() const = 0;
  virtual void wait_writable(Waiter* waiter) = 0;

  /// Ends the call with `why`, unless it has ended.
  virtual void fail_call(const Status& why) = 0;

 protected:
  ~MessageStream() = default;

  /// For `take_parsed`. Asked only while `parses_ahead_`.
  virtual std::unique_ptr<detail::ParsedMessage> take_parsed_ahead() { return nullptr; }

  bool parses_ahead_ = false;  ///< whether `take_parsed_ahead` may have a message
};

/// How one message is written.
struct WriteOptions {
  /// False sends it as it is, whatever the call's compression: for what is compressed already, or secret
  /// beside what a stranger chose (gRPC's compression.md, "Compression and security").
  bool compress = true;
};

namespace detail {

/// The room for a large message, as protobuf fills it.
class RoomStream final : public google::protobuf::io::ZeroCopyOutputStream {
 public:
  /// `first` is what reserve_message gave for `bytes`.
  RoomStream(MessageStream& stream, std::span<std::uint8_t> first, std::size_t bytes) noexcept
      : stream_(stream), room_(first), bytes_(bytes) {}
  bool Next(void** data, int* size) override;
  /// Nothing is given back: there is just as much room as the message has bytes.
  void BackUp(int) override {}
  std::int64_t ByteCount() const override { return static_cast<std::int64_t>(given_bytes_); }

 private:
  MessageStream& stream_;
  std::span<std::uint8_t> room_;
  std::size_t bytes_;
  std::size_t given_bytes_ = 0;
};

/// Serializes a message of `bytes` that does not fit into the `first` room. Out of the way of those that do.
template <class T>
[[gnu::noinline]] void write_large(MessageStream& stream, const T& message, std::span<std::uint8_t> first,
                                   std::size_t bytes) {
  RoomStream room(stream, first, bytes);
  serialize_in_pieces(message, bytes, room);
}

}  // namespace detail

/// Serializes `message` into the stream. False when the call is over or the message too large.
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
  NextAwaiter(const NextAwaiter&) = delete;
  ~NextAwaiter() {
    if (waiting_) stream_.wait_message(nullptr);
  }
  bool await_ready() { return stream_.message_ready(); }
  void await_suspend(std::coroutine_handle<> handle) {
    waiting_ = handle;
    stream_.wait_message(this);
  }
  std::optional<T> await_resume() {
    std::optional<T> message;
    if (const auto parsed = stream_.take_parsed()) {
      message = std::move(static_cast<detail::ParsedMessageOf<T>&>(*parsed).message);
    } else if (const std::optional<Pieces> pieces = stream_.take_message()) {
      if (!detail::parse_message(message.emplace(), *pieces)) {
        message.reset();
        stream_.reject_message();
      }
    }
    return message;
  }

  /// Refused: what is taken for a message where the `co_await` was forgotten.
  template <class Never = T>
  explicit operator bool() const {
    static_assert(never<Never>, "`next()` gives something to wait for: write `co_await` before it");
    return false;
  }

 private:
  void on_ready() override { std::exchange(waiting_, nullptr).resume(); }

  MessageStream& stream_;
  std::coroutine_handle<> waiting_;
};

template <class T>
class [[nodiscard("co_await it")]] WriteAwaiter final : MessageStream::Waiter {
 public:
  WriteAwaiter(MessageStream& stream, const T& written, WriteOptions how) noexcept
      : stream_(stream), message_(written), options_(how) {}
  WriteAwaiter(const WriteAwaiter&) = delete;
  ~WriteAwaiter() {
    if (waiting_) stream_.wait_writable(nullptr);
  }
  bool await_ready() const { return stream_.writable(); }
  void await_suspend(std::coroutine_handle<> handle) {
    waiting_ = handle;
    stream_.wait_writable(this);
  }
  bool await_resume() { return write_message(stream_, message_, options_); }

  /// Refused: what is taken for success where the `co_await` was forgotten.
  template <class Never = T>
  explicit operator bool() const {
    static_assert(never<Never>, "`write()` gives something to wait for: write `co_await` before it");
    return false;
  }

 private:
  void on_ready() override { std::exchange(waiting_, nullptr).resume(); }

  MessageStream& stream_;
  const T& message_;
  WriteOptions options_;
  std::coroutine_handle<> waiting_;
};

}  // namespace detail

template <class T>
class Reader {
 public:
  explicit Reader(MessageStream& stream) noexcept : stream_(&stream) {}

  /// The next message, or nothing when no more will come. In a handler that is the caller's orderly end: a
  /// call that fails destroys the handler instead. In a client, `finish` of the call says why.
  auto next() noexcept { return detail::NextAwaiter<T>(*stream_); }

 private:
  MessageStream* stream_;
};

template <class T>
class Writer {
 public:
  explicit Writer(MessageStream& stream) noexcept : stream_(&stream) {}

  /// Waits until there is room, then queues `message`, which is serialized before this returns to the caller.
  /// False when the call is over and nothing more can be sent.
  auto write(const T& message, WriteOptions options = {}) noexcept {
    return detail::WriteAwaiter<T>(*stream_, message, options);
  }

 private:
  MessageStream* stream_;
};

}  // namespace ringrpc
