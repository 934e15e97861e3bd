/// A client's way to one server, and the calls made over it.
///
///   Channel channel("127.0.0.1:50051");
///   EchoService::Stub echo(channel);
///   Result<EchoResponse> response = co_await echo.Echo(request, {.timeout = 200ms});
///
/// A Channel is a handle: copies are the same channel, and any thread may hold one. Calls are made on a
/// shard, in a handler or under `block_on` (ringrpc/block_on.h); each shard that calls has connections of its
/// own, so that a call takes no lock. What `call` gives belongs to the shard that made it.
///
/// Connections. The first call connects, and so does the next after a loss: to each address of the name in
/// turn until one completes the HTTP/2 handshake. When none does, the channel waits (`Backoff`) before it may
/// try again, and calls made meanwhile fail at once with UNAVAILABLE, naming the address and the cause
/// ("connect 127.0.0.1:1: connection refused"), unless they `wait_for_ready`. When the server's limit of
/// concurrent streams is reached, another connection is opened, up to `max_connections`; then calls wait for
/// their turn. A call that the server says it has not begun (GOAWAY, REFUSED_STREAM) is sent again, if no
/// more than 64 KiB of it were written: once when it had left this machine, else whenever that happens.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/call.h"
#include "ringrpc/clock.h"
#include "ringrpc/compression.h"
#include "ringrpc/metadata.h"
#include "ringrpc/service.h"
#include "ringrpc/status.h"
#include "ringrpc/stream.h"
#include "ringrpc/task.h"
#include "ringrpc/tls.h"

namespace ringrpc {

class ClientInterceptor;

/// What the server said beside its messages.
struct ResponseMetadata {
  Metadata initial{};
  Metadata trailing{};
  bool compressed = false;  ///< whether the last message came compressed
};

struct CallOptions {
  /// How long the call may take; DEADLINE_EXCEEDED after that. `Nanoseconds::max()` for no limit.
  Nanoseconds timeout = Nanoseconds::max();
  /// Sent with the request; RESOURCE_EXHAUSTED where it is more than the server has said that it takes.
  Metadata metadata{};
  /// How requests are compressed, all but those written without. A server that does not know it answers
  /// UNIMPLEMENTED.
  Compression compression = Compression::identity;
  /// `initial` is filled before the first message comes, all of it when the call ends; must outlive it. May
  /// be null.
  ResponseMetadata* response = nullptr;
  /// Wait for a connection until the deadline, where the call would fail because the server cannot be reached
  /// at present (https://grpc.io/docs/guides/wait-for-ready/).
  bool wait_for_ready = false;
  /// When the call must have ended, whatever `timeout` says; on the clock of the shard.
  Instant deadline = never;

  /// For a call made on behalf of another, which `handled` is: it ends when that one's deadline passes. (When
  /// that one is cancelled its handler's frame goes, and the calls that it made go with it.)
  static CallOptions from(const Call& handled) {
    CallOptions options;
    options.deadline = handled.deadline();
    return options;
  }
};

/// How long to wait between failed attempts to connect
/// (https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md): from the beginning again when the
/// server's SETTINGS have arrived.
struct Backoff {
  std::chrono::milliseconds initial{1'000};
  double multiplier = 1.6;
  double jitter = 0.2;  ///< each wait is up to this part of itself longer or shorter
  std::chrono::milliseconds max{120'000};
};

/// Limits, timeouts, TLS and interceptors of a channel.
struct ChannelOptions {
  std::size_t max_message_bytes = 4 * 1024 * 1024;  ///< of one received message
  /// Of one message of a request, before it is compressed. A longer one is not sent: its call fails with
  /// RESOURCE_EXHAUSTED. As gRPC has it, only the four bytes of a length limit it by default.
  std::size_t max_request_bytes = 4'294'967'295;
  /// Of a response's headers, and of its trailers: the octets of their names and values, and 32 for each. It
  /// is announced to the server; a call whose response has more, or more than 100 of them, fails with
  /// RESOURCE_EXHAUSTED; four times as much ends the connection. From 1 KiB to 64 KiB.
  std::size_t max_header_list_bytes = 8 * 1024;
  /// For one address, from looking the name up or connecting to the server's SETTINGS; a longer `Backoff`
  /// wait makes it longer.
  std::chrono::milliseconds connect_timeout{20'000};
  Backoff backoff{};

  /// Speaks through TLS. Null for plaintext, unless the target says `tls+`: then with the defaults of
  /// ClientTlsOptions, which believe the system's authorities.
  std::shared_ptr<const ClientTls> tls{};

  /// Of each shard. Most servers take 100 calls at a time on one connection: so 400.
  unsigned max_connections = 4;
  /// Calls of each shard that may wait for a connection or for their turn on one; RESOURCE_EXHAUSTED beyond.
  std::size_t max_queued_calls = 10'000;
  /// A connection beside the first closes when it has had no call for so long.
  std::chrono::milliseconds idle_timeout{60'000};

  /// A keepalive PING is sent on a connection from which nothing has come for this long; zero for never. Servers
  /// close a connection with too many PINGs: by default with more than one in 5 minutes. Less than 10 s counts as
  /// 10 s (https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md).
  std::chrono::milliseconds keepalive_time{0};
  /// When nothing has come for this long after a keepalive PING, the connection is closed, and its calls fail with
  /// UNAVAILABLE.
  std::chrono::milliseconds keepalive_timeout{20'000};
  /// How long a server may leave requests unread before its connection is given up, and its calls fail with
  /// UNAVAILABLE; less than 1 KiB in all that time is as good as none.
  std::chrono::milliseconds stall_timeout{60'000};
  bool keepalive_without_calls = false;  ///< send keepalive PINGs also while there is no call

  /// What is done around each call, the first outermost (ringrpc/client_interceptor.h); must outlive the
  /// channel and its calls.
  std::vector<ClientInterceptor*> interceptors{};
};

/// A call in flight on the client. Destroying it cancels it.
class ClientCall : public MessageStream {
 public:
  virtual ~ClientCall() = default;
  /// No more messages will be written.
  virtual void writes_done() = 0;
  /// Whether it waits for a connection, or for its turn on one (ChannelOptions::max_connections).
  virtual bool queued() const noexcept = 0;
  /// Whether the server's initial metadata has come, or the call has ended without.
  virtual bool answered() const noexcept = 0;
  virtual void wait_answered(Waiter* waiter) = 0;
  /// Whether the status is known.
  virtual bool finished() const noexcept = 0;
  virtual void wait_finished(Waiter* waiter) = 0;
  /// Why the call ended; call once, when `finished`.
  virtual Status take_status() = 0;
  /// Ends the call with CANCELLED.
  virtual void cancel() = 0;
};

/// A handle for one server; copies are the same channel.
class Channel {
 public:
  /// `target` is the address of one server: "host:port", "[v6]:port", "unix:/path",
  /// "unix-abstract:name", "vsock:CID:port"; or "hvsock:///path:port", a virtual machine of Firecracker or
  /// Cloud Hypervisor; with `tls+` before it where TLS is spoken. What is wrong with it is told by the first
  /// call, with INVALID_ARGUMENT. From any thread.
  explicit Channel(std::string target, const ChannelOptions& options = {});

  /// Begins a call of `path` ("/package.Service/Method"), on the shard whose turn runs on this thread. Never
  /// fails here: the status comes through the call, FAILED_PRECONDITION where there is no shard,
  /// RESOURCE_EXHAUSTED where there is no memory. (Throws std::bad_alloc where there is none for the call
  /// itself.)
  std::unique_ptr<ClientCall> call(std::string_view path, MethodKind kind, const CallOptions& options) const;

  /// Connects, if there is no connection, so that the first call need not wait for that: ends when the
  /// server's SETTINGS have arrived, or with the status that a call would get. To be awaited on a shard,
  /// whose calls it is about. Destroying the task gives the wait up.
  Task<Status> connect() const;

  /// Ends the channel in good order, on every shard: no new calls (they fail with CANCELLED), those begun
  /// finish for at most `patience`, the rest end with CANCELLED; then the connections are closed. A call that
  /// an interceptor holds back is waited for as well, but has not begun: when it goes on, it gets CANCELLED.
  /// Gives the number of calls that had to be cancelled. May be awaited several times; giving up the wait
  /// does not stop the closing.
  Task<std::uint64_t> close(Nanoseconds patience) const;

  /// As it was given. From any thread.
  const std::string& target() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<ClientCall> begin(std::string_view path, MethodKind kind, const CallOptions& options) const;

  /// With the last copy the channel goes: its calls end with CANCELLED, at once on the shard where that
  /// happens, in their next turn on others.
  std::shared_ptr<const Impl> impl_;
};

namespace detail {

/// Waits for what a call tells once.
template <bool (ClientCall::*known)() const noexcept, void (ClientCall::*wait)(MessageStream::Waiter*)>
class CallAwaiter : MessageStream::Waiter {
 public:
  explicit CallAwaiter(ClientCall& call) noexcept : call_(call) {}
  CallAwaiter(const CallAwaiter&) = delete;
  bool await_ready() const noexcept { return (call_.*known)(); }
  void await_suspend(std::coroutine_handle<> handle) {
    waiting_ = handle;
    (call_.*wait)(this);
  }

 protected:
  ~CallAwaiter() {
    if (waiting_) (call_.*wait)(nullptr);
  }
  ClientCall& call() const noexcept { return call_; }

 private:
  void on_ready() final { std::exchange(waiting_, nullptr).resume(); }

  ClientCall& call_;
  std::coroutine_handle<> waiting_;
};

class [[nodiscard("co_await it")]] AnswerAwaiter final
    : public CallAwaiter<&ClientCall::answered, &ClientCall::wait_answered> {
 public:
  using CallAwaiter::CallAwaiter;
  void await_resume() const noexcept {}
};

class [[nodiscard("co_await it")]] FinishAwaiter final
    : public CallAwaiter<&ClientCall::finished, &ClientCall::wait_finished> {
 public:
  using CallAwaiter::CallAwaiter;
  Status await_resume() { return call().take_status(); }
};

}  // namespace detail

/// The answer of a server-streaming call.
template <class Response>
class ClientReader {
 public:
  explicit ClientReader(std::unique_ptr<ClientCall> call) noexcept : call_(std::move(call)) {}
  /// Waits until the server's initial metadata has come, into `CallOptions::response`, or the call has ended
  /// without.
  auto answered() noexcept { return detail::AnswerAwaiter(*call_); }
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
  /// As ClientReader's.
  auto answered() noexcept { return detail::AnswerAwaiter(*call_); }
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
  /// As ClientReader's.
  auto answered() noexcept { return detail::AnswerAwaiter(*call_); }
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
    co_return fail(Code::UNIMPLEMENTED, "the call ended OK without a message: an interceptor's answer?",
                   Initiator::application);
  co_return std::move(*response);
}

/// A unary call.
template <class Request, class Response>
Task<Result<Response>> call_unary(const Channel& channel, std::string_view path, Request request,
                                  CallOptions options) {
  std::unique_ptr<ClientCall> call = channel.call(path, MethodKind::unary, options);
  write_message(*call, request);
  call->writes_done();
  co_return co_await receive_one<Response>(*call);
}

/// A server-streaming call.
template <class Request, class Response>
ClientReader<Response> call_server_streaming(const Channel& channel, std::string_view path,
                                             const Request& request, const CallOptions& options) {
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
