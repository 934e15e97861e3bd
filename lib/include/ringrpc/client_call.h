/// A call in flight on the client, with its messages as bytes. ClientReader, ClientWriter and ClientStream
/// (ringrpc/client_stream.h) are typed views of it.
///
///   std::unique_ptr<ClientCall> call = channel.call("/echo.v1.EchoService/Echo", MethodKind::unary, {});
///   write_message(*call, RawMessage{bytes});
///   call->writes_done();
///   call->wait_finished(&waiter);  // calls waiter.on_ready() once the status is known
///
/// Clients without coroutines, such as load generators, use it directly. A call belongs to the shard on which
/// it was begun: functions that change it throw std::logic_error on another thread.
#pragma once

#include "ringrpc/compiler.h"

#include <coroutine>
#include <memory>
#include <string_view>
#include <utility>

#include "ringrpc/call_result.h"
#include "ringrpc/export.h"
#include "ringrpc/metadata.h"
#include "ringrpc/status.h"
#include "ringrpc/stream.h"
#include "ringrpc/suspended.h"

namespace ringrpc {

/// A call in flight. Destroying it cancels it: the server gets RST_STREAM with CANCEL.
///
/// Each `wait_` function registers one waiter, which is called once from the shard's ready list, when the
/// condition is true; null withdraws it. Different conditions may be waited for at the same time. A second
/// waiter for one condition throws std::logic_error.
class RINGRPC_EXPORT ClientCall : public MessageStream {
 public:
  virtual ~ClientCall() = default;
  /// Half-closes the call: no more messages will be written. Further calls have no effect.
  virtual void writes_done() = 0;
  /// True while the call waits for a connection, or for a free stream on one
  /// (ChannelOptions::max_connections).
  virtual bool queued() const noexcept = 0;
  /// True once the server's initial metadata has arrived, or the call has ended without it.
  virtual bool has_initial_metadata() const noexcept = 0;
  /// Calls `waiter` once `has_initial_metadata` is true.
  virtual void wait_initial_metadata(Waiter* waiter) = 0;
  /// The metadata received so far: `initial` once `has_initial_metadata`, all of it once `finished`. Valid as
  /// long as the call.
  virtual const ResponseMetadata& response_metadata() const noexcept = 0;
  /// The address to which the request went, "127.0.0.1:50051"; empty if it has gone nowhere yet. Of several
  /// attempts, that of the one whose response has begun, or else of the latest. Valid until the call makes
  /// another attempt or is destroyed.
  virtual std::string_view peer() const noexcept = 0;
  /// True once the status is known. Messages that have arrived may still be unread.
  virtual bool finished() const noexcept = 0;
  /// Calls `waiter` once `finished` is true.
  virtual void wait_finished(Waiter* waiter) = 0;
  /// The status of the call. Call once, when `finished`. Drops the messages that are unread.
  virtual Status take_status() = 0;
  /// Ends the call with CANCELLED, unless its status is known already. For another thread than that of the
  /// call's shard, there is CallOptions::stop.
  virtual void cancel() = 0;
};

/// A call that has ended with `status`, and never had a message. For stubs that fail a streaming method.
RINGRPC_EXPORT std::unique_ptr<ClientCall> failed_call(Status status);

/// The failure of a stub's method that is not overridden; generated code gives it. `path` is the method's.
RINGRPC_EXPORT std::unexpected<Status> unimplemented(std::string_view path);

namespace detail {

/// Waits until `known` is true of a call.
template <bool (ClientCall::*known)() const noexcept, void (ClientCall::*wait)(MessageStream::Waiter*)>
class CallAwaiter : MessageStream::Waiter {
 public:
  explicit CallAwaiter(ClientCall& call) noexcept : call_(call) {}
  /// Only before it is awaited.
  CallAwaiter(CallAwaiter&& other) noexcept : call_(other.call_) {}
  bool await_ready() const noexcept { return (call_.*known)(); }
  void await_suspend(std::coroutine_handle<> handle) {
    (call_.*wait)(this);  // may throw
    waiting_ = handle;
  }

 protected:
  ~CallAwaiter() {
    if (waiting_) (call_.*wait)(nullptr);
  }
  ClientCall& call() const noexcept { return call_; }

 private:
  void on_ready() final { waiting_.resume(); }

  ClientCall& call_;
  Suspended waiting_;
};

class [[nodiscard("co_await it")]] InitialMetadataAwaiter final
    : public CallAwaiter<&ClientCall::has_initial_metadata, &ClientCall::wait_initial_metadata> {
 public:
  using CallAwaiter::CallAwaiter;
  const Metadata& await_resume() const noexcept { return call().response_metadata().initial; }
};

class [[nodiscard("co_await it")]] FinishAwaiter final
    : public CallAwaiter<&ClientCall::finished, &ClientCall::wait_finished> {
 public:
  using CallAwaiter::CallAwaiter;
  Status await_resume() { return call().take_status(); }
};

/// Remembers that `finish` has given the status, which it gives once.
class RINGRPC_EXPORT StatusGiven {
 public:
  void set() noexcept { given_ = true; }
  /// Throws std::logic_error if it has been given.
  void refuse_again() const {
    if (given_) [[unlikely]]
      status_given_before();
  }

 private:
  [[noreturn]] static void status_given_before();

  bool given_ = false;
};

}  // namespace detail

}  // namespace ringrpc
