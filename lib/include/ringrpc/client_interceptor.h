/// What is done around the calls of a channel: credentials, audit, tracing, limits.
///
///   class Audit final : public ClientInterceptor {
///     Task<Status> intercept(ClientRequest& request, ClientNext next) override {
///       (void)request.metadata.add("x-request-id", fresh_id());
///       Status status = co_await next();
///       log::info("{} of {}: {}", request.method, request.target, status.to_string());
///       co_return status;
///     }
///   };
///   options.interceptors = {&audit, &token};   // of ChannelOptions; the first is the outermost
///
/// An interceptor is a coroutine around the call: what it does before `next` happens before the request
/// leaves, what it returns is the status that the caller sees. One that does not run `next` answers without a
/// server. (An OK answer to a unary or client-streaming call needs a message, which only a server gives: the
/// caller gets UNIMPLEMENTED then.) It may wait: what the caller writes before `next` is held back, up to
/// 64 KiB, then the writer waits too. An exception ends its call with INTERNAL.
///
/// The caller's deadline and cancellation end the call within, and `next` gives DEADLINE_EXCEEDED or
/// CANCELLED. Where an interceptor waits for something else, before `next` or after, they destroy its frame
/// there, with those of the interceptors around it. So does the caller by dropping the call, at any time.
///
/// They see the status, not the messages: these go past them to the caller. Where that is one response,
/// `next` ends when the caller has read it, and gives INTERNAL where it is not what the method gives: the
/// status is the caller's. A message of a stream may turn out so after the status was OK. A call whose one
/// response came in time, but is read only after the deadline or after `cancel`, fails with DEADLINE_EXCEEDED
/// or CANCELLED, where a channel without interceptors gives OK.
///
/// For the channel a call begins with the innermost `next`, which gives CANCELLED while the channel is being
/// closed; when that has ended, calls that have not begun end as by the caller's cancellation. One object
/// serves all shards at the same time.
#pragma once

#include <span>
#include <string_view>

#include "ringrpc/channel.h"
#include "ringrpc/clock.h"
#include "ringrpc/compression.h"
#include "ringrpc/message_observer.h"
#include "ringrpc/metadata.h"
#include "ringrpc/service.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// A call that is about to be made. Lives as long as the interceptors' frames.
struct ClientRequest {
  const std::string_view method;  ///< "/echo.v1.EchoService/Echo"
  const std::string_view target;  ///< of the channel
  const MethodKind kind;

  // What is sent: of no effect once the innermost `next` runs.
  Metadata metadata;
  Instant
      deadline;  ///< on the clock of the shard; may be made earlier, later than the caller's is the caller's
  bool wait_for_ready;
  Compression compression;

  /// What the server said beside its messages: complete when `next` has ended.
  const ResponseMetadata& response;
};

class ClientInterceptor;

/// What is left of a call: the interceptors further inside and the server.
class ClientNext {
 public:
  /// The call on the wire. Implemented by the library.
  class Wire {
   public:
    virtual Task<Status> make_call() = 0;
    /// Shows the call's messages to `observer` until `unobserve`. One that is added later is further inside.
    virtual void observe(MessageObserver& observer) = 0;
    virtual void unobserve(MessageObserver& observer) noexcept = 0;

   protected:
    ~Wire() = default;
  };

  /// How it ended; INTERNAL where an interceptor further inside threw. Run it once at most: the second time
  /// gives INTERNAL. Dropping the task cancels the call.
  Task<Status> operator()() const;
  /// The same, and shows `observer` the messages of the call. It must outlive the task.
  Task<Status> operator()(MessageObserver& observer) const { return run_observed(*this, observer); }

  /// For the library: all of a call.
  ClientNext(std::span<ClientInterceptor* const> interceptors, ClientRequest& request, Wire& wire) noexcept
      : interceptors_(interceptors), request_(&request), wire_(&wire) {}

 private:
  static Task<Status> run_observed(ClientNext next, MessageObserver& observer);

  std::span<ClientInterceptor* const> interceptors_;
  ClientRequest* request_;
  Wire* wire_;
};

/// The base class of what runs around the calls of a channel.
class ClientInterceptor {
 public:
  virtual ~ClientInterceptor() = default;
  virtual Task<Status> intercept(ClientRequest& request, ClientNext next) = 0;
};

}  // namespace ringrpc
