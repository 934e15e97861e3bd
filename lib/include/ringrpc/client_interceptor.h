/// Interceptors run around the calls of a channel: credentials, audit, tracing, limits.
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
/// An interceptor is a coroutine around the call. The part before `next` runs before the request is sent; the
/// part after it runs when the call has its status. The status that it returns is the status that the caller
/// gets. If it does not run `next`, nothing is sent.
/// (A unary or client-streaming call cannot end with OK then, because only a server gives its response: the
/// caller gets UNIMPLEMENTED.) It may wait: the caller's messages are kept until the innermost `next` runs,
/// and after 64 KiB of them the caller waits, too. An exception ends its call with INTERNAL, or with
/// RESOURCE_EXHAUSTED if it is std::bad_alloc.
///
/// When the deadline passes or the caller cancels, `next` gives DEADLINE_EXCEEDED or CANCELLED. If an
/// interceptor waits for something else then, before `next` or after, its frame is destroyed, and so are
/// those of the interceptors around it. The caller destroys all of them when it drops the call.
///
/// Messages go past the interceptors to the caller. To see them, an interceptor passes a MessageObserver to
/// `next` (ringrpc/message_observer.h). In a unary or client-streaming call, and in any call with an
/// observer, `next` ends when the caller has taken the responses that arrived, or waits for the status
/// without them. Its status is then the caller's: INTERNAL if a response is not of the method's type. If the
/// responses arrive in time but the caller takes them only after the deadline or after `cancel`, such a call
/// ends with DEADLINE_EXCEEDED or CANCELLED; on a channel without interceptors it ends with OK. In other
/// calls, the caller may find a response that is not of the method's type after `next` gave OK.
///
/// For the channel, a call begins when the innermost `next` runs. That gives CANCELLED while the channel
/// closes. When the channel has closed, calls that have not begun end as if the caller had cancelled them.
/// The same object serves all shards at the same time.
#pragma once

#include "ringrpc/compiler.h"

#include <optional>
#include <span>
#include <string_view>

#include "ringrpc/channel.h"
#include "ringrpc/clock.h"
#include "ringrpc/compression.h"
#include "ringrpc/export.h"
#include "ringrpc/message_observer.h"
#include "ringrpc/metadata.h"
#include "ringrpc/service.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// A call that is about to be made. Valid as long as the interceptors' frames.
struct ClientRequest {
  const std::string_view method;  ///< "/echo.v1.EchoService/Echo"
  const std::string_view target;  ///< the channel's
  const MethodKind kind;          ///< unary, or which sides stream

  // The request as it will be sent. Changes have no effect once the innermost `next` runs.
  Metadata metadata;  ///< of the request
  /// On the clock of the shard. If it is later than the caller's deadline, the caller's applies.
  Instant deadline;
  std::optional<bool> wait_for_ready;  ///< as CallOptions::wait_for_ready
  Compression compression;             ///< of the request's messages

  /// The metadata of the response. Complete when `next` has ended.
  const ResponseMetadata& response;
  /// The address to which the request went, "127.0.0.1:50051", once `next` has ended; empty if it went nowhere.
  std::string_view peer{};
};

class ClientInterceptor;
class InterceptorChain;

/// The rest of a call: the inner interceptors and the server. Valid as long as the interceptor's frame.
class RINGRPC_EXPORT ClientNext {
 public:
  /// Runs the rest of the call, and gives its status: INTERNAL if an inner interceptor throws. At most once:
  /// the second time gives INTERNAL. Destroying the task cancels the call.
  Task<Status> operator()() const;
  /// The same, and shows the messages of the call to `observer`, which must outlive the task.
  Task<Status> operator()(MessageObserver& observer) const { return run_observed(*this, observer); }

 private:
  friend struct detail::Internals;
  friend class InterceptorChain;
  class Observation;

  /// The innermost step: makes the call.
  class Wire {
   public:
    virtual Task<Status> make_call() = 0;
    /// Shows the messages of the call to `observer` until `unobserve`. Observers are added from the
    /// outermost to the innermost.
    virtual void observe(MessageObserver& observer) = 0;
    virtual void unobserve(MessageObserver& observer) noexcept = 0;

   protected:
    ~Wire() = default;
  };

  /// A whole call.
  ClientNext(std::span<ClientInterceptor* const> interceptors, ClientRequest& request, Wire& wire) noexcept
      : interceptors_(interceptors), request_(&request), wire_(&wire) {}
  static Task<Status> run_observed(ClientNext next, MessageObserver& observer);

  std::span<ClientInterceptor* const> interceptors_;
  ClientRequest* request_;
  Wire* wire_;
};

/// The base class of interceptors of a channel.
class RINGRPC_EXPORT ClientInterceptor {
 public:
  virtual ~ClientInterceptor() = default;
  /// Runs around each call, on the call's shard. `request` outlives the task.
  virtual Task<Status> intercept(ClientRequest& request, ClientNext next) = 0;
};

}  // namespace ringrpc
