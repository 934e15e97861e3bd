/// Calls that stream, on the client. The methods of a stub return a ClientReader, a ClientWriter or a
/// ClientStream.
///
///   ClientStream<Note, Note> chat = routes.RouteChat();
///   co_await chat.write(note);                                // false: the call is over
///   chat.writes_done();                                       // half-closes it, as `finish` does
///   while (auto heard = co_await chat.next()) print(*heard);  // until the server has finished
///   Status status = co_await chat.finish();                   // how the call ended
///
/// Each owns its call: destroying one cancels the call. A moved-from one may only be assigned to or
/// destroyed. They belong to the shard on which the call was begun; operations elsewhere throw
/// std::logic_error. Of each operation (`next`, `write`, `finish`, `initial_metadata`) one at a time may be
/// awaited; a second one throws std::logic_error. Different ones may be awaited at the same time.
#pragma once

#include "ringrpc/compiler.h"

#include <coroutine>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "ringrpc/call_result.h"
#include "ringrpc/client_call.h"
#include "ringrpc/metadata.h"
#include "ringrpc/status.h"
#include "ringrpc/stream.h"
#include "ringrpc/task.h"

namespace ringrpc {

namespace detail {

/// The base of calls that stream.
struct NotAwaited {
  struct Nothing : std::suspend_never {
    bool await_resume() const noexcept { return false; }
  };
  /// Refused at compile time.
  template <class Never = void>
  Nothing operator co_await() const {
    static_assert(never<Never>,
                  "a call that streams is not awaited itself: write `co_await call.next()`, "
                  "`co_await call.write(message)` and, at the end, `co_await call.finish()`");
    return {};
  }
};

/// The result of a call that gives one message, and has ended.
template <class Response>
CallResult<Response> result_of(const ClientCall& call, std::optional<Response>&& response, Status&& status) {
  if (status.ok() && !response)
    status = fail(Code::UNIMPLEMENTED,
                  "the call ended OK without a message; did an interceptor return OK without running `next`?",
                  Initiator::application);
  CallResult<Response> result = status.ok() ? CallResult<Response>(*std::move(response))
                                            : CallResult<Response>(std::unexpected(std::move(status)));
  result.metadata = call.response_metadata();
  result.set_peer(call.peer());
  return result;
}

}  // namespace detail

/// A server-streaming call: one request, many responses.
template <class Response>
class [[nodiscard("destroying it cancels the call")]] ClientReader : detail::NotAwaited {
 public:
  using detail::NotAwaited::operator co_await;
  /// A typed view of `call`, on the shard on which that was begun.
  explicit ClientReader(std::unique_ptr<ClientCall> call) noexcept : call_(std::move(call)) {}

  /// Waits until the server's initial metadata has arrived, or the call has ended without it. Gives a
  /// `const Metadata&`, empty in that case, which is valid as long as the call.
  auto initial_metadata() noexcept { return detail::InitialMetadataAwaiter(*call_); }
  /// Waits for the next message. Gives std::optional<Response>: nothing when no more will come, and after
  /// `finish`, which says how the call ended.
  auto next() noexcept { return Reader<Response>(*call_).next(); }
  /// True if the message that `next` gave last arrived compressed.
  bool message_compressed() const noexcept { return call_->response_metadata().compressed; }
  /// Waits until the call has ended, and gives its status. Messages that are unread are dropped. Once it has
  /// given the status, a further one throws std::logic_error.
  Task<Status> finish() {
    given_.refuse_again();
    Status status = co_await detail::FinishAwaiter(*call_);
    given_.set();
    co_return status;
  }
  /// Complete once `finish` has returned. Valid as long as the call.
  const Metadata& trailing_metadata() const noexcept { return call_->response_metadata().trailing; }
  /// The address to which the request went, "127.0.0.1:50051"; empty if it has gone nowhere yet. As
  /// ClientCall::peer.
  std::string_view peer() const noexcept { return call_->peer(); }
  /// Ends the call with CANCELLED, unless it has ended. On the call's shard: another thread cancels a call by
  /// CallOptions::stop.
  void cancel() { call_->cancel(); }

 private:
  std::unique_ptr<ClientCall> call_;
  detail::StatusGiven given_;
};

/// A client-streaming call: many requests, one response.
template <class Request, class Response>
class [[nodiscard("destroying it cancels the call")]] ClientWriter : detail::NotAwaited {
 public:
  using detail::NotAwaited::operator co_await;
  /// A typed view of `call`, on the shard on which that was begun.
  explicit ClientWriter(std::unique_ptr<ClientCall> call) noexcept : call_(std::move(call)) {}

  /// As ClientReader's.
  auto initial_metadata() noexcept { return detail::InitialMetadataAwaiter(*call_); }
  /// Waits until there is room for `message`, and queues it. Gives false when the call is over; `finish` says
  /// why.
  auto write(const Request& message RINGRPC_LIFETIMEBOUND, WriteOptions options = {}) noexcept {
    return Writer<Request>(*call_).write(message, options);
  }
  /// Half-closes the call and waits for the response, with its metadata. Once it has given
  /// the result, a further one throws std::logic_error.
  Task<CallResult<Response>> finish() {
    given_.refuse_again();
    call_->writes_done();
    std::optional<Response> response = co_await Reader<Response>(*call_).next();
    Status status = co_await detail::FinishAwaiter(*call_);
    given_.set();
    co_return detail::result_of(*call_, std::move(response), std::move(status));
  }
  /// As ClientReader's.
  const Metadata& trailing_metadata() const noexcept { return call_->response_metadata().trailing; }
  /// As ClientReader's.
  std::string_view peer() const noexcept { return call_->peer(); }
  /// As ClientReader's.
  void cancel() { call_->cancel(); }

 private:
  std::unique_ptr<ClientCall> call_;
  detail::StatusGiven given_;
};

/// A bidirectional call: many requests and many responses, in any order.
template <class Request, class Response>
class [[nodiscard("destroying it cancels the call")]] ClientStream : detail::NotAwaited {
 public:
  using detail::NotAwaited::operator co_await;
  /// A typed view of `call`, on the shard on which that was begun.
  explicit ClientStream(std::unique_ptr<ClientCall> call) noexcept : call_(std::move(call)) {}

  /// As ClientReader's.
  auto initial_metadata() noexcept { return detail::InitialMetadataAwaiter(*call_); }
  /// As ClientWriter's.
  auto write(const Request& message RINGRPC_LIFETIMEBOUND, WriteOptions options = {}) noexcept {
    return Writer<Request>(*call_).write(message, options);
  }
  /// Half-closes the call: no more messages will be written, and a later `write` gives false. The server may go on.
  void writes_done() { call_->writes_done(); }
  /// As ClientReader's.
  auto next() noexcept { return Reader<Response>(*call_).next(); }
  /// As ClientReader's.
  bool message_compressed() const noexcept { return call_->response_metadata().compressed; }
  /// Half-closes the call, as `writes_done` does, waits until the server has ended it, and gives its status.
  /// Messages that are unread are dropped. Once it has given the status, a further one throws std::logic_error.
  Task<Status> finish() {
    given_.refuse_again();
    call_->writes_done();
    Status status = co_await detail::FinishAwaiter(*call_);
    given_.set();
    co_return status;
  }
  /// As ClientReader's.
  const Metadata& trailing_metadata() const noexcept { return call_->response_metadata().trailing; }
  /// As ClientReader's.
  std::string_view peer() const noexcept { return call_->peer(); }
  /// As ClientReader's.
  void cancel() { call_->cancel(); }

 private:
  std::unique_ptr<ClientCall> call_;
  detail::StatusGiven given_;
};

}  // namespace ringrpc
