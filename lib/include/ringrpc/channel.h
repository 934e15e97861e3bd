/// A client's way to one server, and the calls made over it.
///
///   Channel channel("127.0.0.1:50051");
///   EchoService::Stub echo(channel);
///   Result<EchoResponse> response = co_await echo.Echo(request, {.timeout = 200ms});
///
/// A channel connects when the first call wants it and again when a connection was lost. It belongs to the
/// shard that makes its calls. An error names the address and the cause: "connect 127.0.0.1:1: connection
/// refused".
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "ringrpc/clock.h"
#include "ringrpc/compression.h"
#include "ringrpc/metadata.h"
#include "ringrpc/service.h"
#include "ringrpc/status.h"
#include "ringrpc/stream.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// What the server said beside its messages.
struct ResponseMetadata {
  Metadata initial;
  Metadata trailing;
  bool compressed = false;  ///< whether the last message came compressed
};

/// With g++ 12, make options that carry metadata a variable before the `co_await`: it destroys an aggregate
/// twice that is made among the arguments of a call which is awaited.
struct CallOptions {
  /// How long the call may take; DEADLINE_EXCEEDED after that. `Nanoseconds::max()` for no limit.
  Nanoseconds timeout = Nanoseconds::max();
  /// Sent with the request.
  Metadata metadata;
  /// How requests are compressed, all but those written without. A server that does not know it answers
  /// UNIMPLEMENTED.
  Compression compression = Compression::identity;
  /// `initial` is filled before the first message comes, all of it when the call ends; must outlive it. May be
  /// null.
  ResponseMetadata* response = nullptr;
};

struct ChannelOptions {
  std::size_t max_message_bytes = 4 * 1024 * 1024;  ///< of one received message
  std::chrono::milliseconds connect_timeout{20'000};
};

/// A call in flight on the client. Destroying it cancels it.
class ClientCall : public MessageStream {
 public:
  virtual ~ClientCall() = default;
  /// No more messages will be written.
  virtual void writes_done() = 0;
  /// Whether the status is known.
  virtual bool finished() const noexcept = 0;
  virtual void wait_finished(Waiter* waiter) = 0;
  /// Why the call ended; call once, when `finished`.
  virtual Status take_status() = 0;
  /// Ends the call with CANCELLED.
  virtual void cancel() = 0;
};

class Channel {
 public:
  explicit Channel(std::string target, const ChannelOptions& options = {});
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  /// Calls still in flight end with CANCELLED.
  ~Channel();

  /// Begins a call of `path` ("/package.Service/Method"). Never fails here: the status comes through the
  /// call.
  std::unique_ptr<ClientCall> call(std::string_view path, MethodKind kind, const CallOptions& options);

  const std::string& target() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

namespace detail {

/// Waits for a call's end.
class FinishAwaiter final : MessageStream::Waiter {
 public:
  explicit FinishAwaiter(ClientCall& call) noexcept : call_(call) {}
  FinishAwaiter(const FinishAwaiter&) = delete;
  ~FinishAwaiter() {
    if (waiting_) call_.wait_finished(nullptr);
  }
  bool await_ready() const noexcept { return call_.finished(); }
  void await_suspend(std::coroutine_handle<> handle) {
    waiting_ = handle;
    call_.wait_finished(this);
  }
  Status await_resume() { return call_.take_status(); }

 private:
  void on_ready() override { std::exchange(waiting_, nullptr).resume(); }

  ClientCall& call_;
  std::coroutine_handle<> waiting_;
};

}  // namespace detail

/// The answer of a server-streaming call.
template <class Response>
class ClientReader {
 public:
  explicit ClientReader(std::unique_ptr<ClientCall> call) noexcept : call_(std::move(call)) {}
  /// The next message, or nothing; `finish` says why there is none.
  auto next() noexcept { return Reader<Response>(*call_).next(); }
  /// How the call ended, as soon as it has; messages not read are dropped.
  Task<Status> finish() { co_return co_await detail::FinishAwaiter(*call_); }
  void cancel() { call_->cancel(); }

 private:
  std::unique_ptr<ClientCall> call_;
};

/// The request side of a client-streaming call.
template <class Request, class Response>
class ClientWriter {
 public:
  explicit ClientWriter(std::unique_ptr<ClientCall> call) noexcept : call_(std::move(call)) {}
  /// False when the call is over; `finish` says why.
  auto write(const Request& message, WriteOptions options = {}) noexcept {
    return Writer<Request>(*call_).write(message, options);
  }
  /// Ends the request and waits for the answer.
  Task<Result<Response>> finish();
  void cancel() { call_->cancel(); }

 private:
  std::unique_ptr<ClientCall> call_;
};

/// Both directions of a bidirectional call. One `next` and one `write` may be under way at the same time.
template <class Request, class Response>
class ClientStream {
 public:
  explicit ClientStream(std::unique_ptr<ClientCall> call) noexcept : call_(std::move(call)) {}
  auto write(const Request& message, WriteOptions options = {}) noexcept {
    return Writer<Request>(*call_).write(message, options);
  }
  void writes_done() { call_->writes_done(); }
  auto next() noexcept { return Reader<Response>(*call_).next(); }
  Task<Status> finish() { co_return co_await detail::FinishAwaiter(*call_); }
  void cancel() { call_->cancel(); }

 private:
  std::unique_ptr<ClientCall> call_;
};

namespace detail {

/// Reads the one message of the answer and the status.
template <class Response>
Task<Result<Response>> receive_one(ClientCall& call) {
  std::optional<Response> response = co_await Reader<Response>(call).next();
  Status status = co_await FinishAwaiter(call);
  if (!status.ok()) co_return std::unexpected(std::move(status));
  if (!response)
    co_return fail(Code::UNIMPLEMENTED, "the server answered OK without a message", Initiator::peer);
  co_return std::move(*response);
}

/// A unary call.
template <class Request, class Response>
Task<Result<Response>> call_unary(Channel& channel, std::string_view path, Request request,
                                  CallOptions options) {
  std::unique_ptr<ClientCall> call = channel.call(path, MethodKind::unary, options);
  write_message(*call, request);
  call->writes_done();
  co_return co_await receive_one<Response>(*call);
}

/// A server-streaming call.
template <class Request, class Response>
ClientReader<Response> call_server_streaming(Channel& channel, std::string_view path, const Request& request,
                                             const CallOptions& options) {
  std::unique_ptr<ClientCall> call = channel.call(path, MethodKind::server_streaming, options);
  write_message(*call, request);
  call->writes_done();
  return ClientReader<Response>(std::move(call));
}

}  // namespace detail

template <class Request, class Response>
Task<Result<Response>> ClientWriter<Request, Response>::finish() {
  call_->writes_done();
  co_return co_await detail::receive_one<Response>(*call_);
}

}  // namespace ringrpc
