/// Interceptors run around the calls of a server: authentication, audit, limits, tracing.
///
///   class Audit final : public Interceptor {
///     Task<Status> intercept(Call& call, Next next) override {
///       if (Status status = allowed(call); !status.ok()) co_return status;
///       co_return co_await next();
///     }
///     void on_end(Call& call, const Status& status) override {
///       log::info("{} called {}: {}", call.peer(), call.method(), status.to_string());
///     }
///   };
///   options.interceptors = {&authentication, &audit};   // the first is the outermost
///
/// An interceptor is a coroutine around the call. The part before `next` runs before the handler; the part
/// after it runs when the handler has ended. The status that it returns is the status of the call. If it does
/// not run `next`, the handler does not run. It passes facts about the caller to inner interceptors and the
/// handler in `call.attributes()`. To see the messages of the call, it passes a MessageObserver to `next`
/// (ringrpc/message_observer.h).
///
/// When the deadline passes or the client cancels, the frames of the interceptors are destroyed with the
/// handler's, and nothing after `next` runs. `on_end` receives the final status of every call that has begun.
///
/// Interceptors run for all registered methods, including those of health and reflection. They do not
/// run for a request that the server refuses by its headers: an unknown method, malformed or too much
/// metadata, an unknown encoding, a timeout that has already passed. The same object serves all shards
/// at the same time. An exception ends its call with INTERNAL, or with RESOURCE_EXHAUSTED if it is
/// std::bad_alloc, and no other call.
#pragma once

#include "ringrpc/compiler.h"

#include <span>
#include <utility>

#include "ringrpc/call.h"
#include "ringrpc/export.h"
#include "ringrpc/message_observer.h"
#include "ringrpc/service.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

class Interceptor;

/// The rest of a call: the inner interceptors and the handler. Valid as long as the interceptor's frame.
class RINGRPC_EXPORT Next {
 public:
  /// Runs the rest of the call and returns its status: INTERNAL if the rest throws, and Call::failure if the
  /// call has failed meanwhile, for example because a response is over the limit. Later failures, such as
  /// more trailing metadata than the client accepts, reach only `on_end`. A second run returns INTERNAL.
  Task<Status> operator()() const;
  /// The same, and shows the messages of the call to `observer`, which must outlive the task.
  Task<Status> operator()(MessageObserver& observer) const { return run_observed(*this, observer); }

 private:
  friend struct detail::Internals;
  friend class Interceptor;

  /// A whole call. `begun` becomes true when the handler begins.
  Next(std::span<Interceptor* const> interceptors, const Method& method, Service& service, Call& call,
       MessageStream& stream, bool& begun) noexcept
      : interceptors_(interceptors),
        method_(&method),
        service_(&service),
        call_(&call),
        stream_(&stream),
        begun_(&begun) {}
  /// Runs the rest without Call::failure, and passes exceptions on.
  Task<Status> enter() const;
  static Task<Status> run_observed(Next next, MessageObserver& observer);
  static Task<Status> run_twice() {
    co_return Status(Code::INTERNAL, "an interceptor has run its `next` twice", Initiator::application);
  }

  std::span<Interceptor* const> interceptors_;
  const Method* method_;
  Service* service_;
  Call* call_;
  MessageStream* stream_;
  bool* begun_;
};

/// The base class of interceptors of a server.
class RINGRPC_EXPORT Interceptor {
 public:
  virtual ~Interceptor() = default;
  /// Runs around each call, on the call's shard. `call` outlives the task.
  virtual Task<Status> intercept(Call& /*call*/, Next next) { return next.enter(); }

  /// The call has ended with `status`. The client gets it, unless its stream was already closed: by
  /// a reset or a lost connection (CANCELLED). Called once for each call, the innermost interceptor
  /// first, even if the call failed before `intercept` ran, such as a request without a message.
  /// The handler's frame may still exist.
  virtual void on_end(Call& /*call*/, const Status& /*status*/) {}

  /// Called once per start of a server, on the thread that starts it, before the server takes calls; after
  /// Service::on_start of all services. Server::start fails with a status that is not OK.
  virtual Status on_start() { return {}; }
};

inline Task<Status> Next::enter() const {
  if (interceptors_.empty())
    return std::exchange(*begun_, true) ? run_twice() : method_->serve(*service_, *call_, *stream_);
  Next inside = *this;
  inside.interceptors_ = interceptors_.subspan(1);
  return interceptors_.front()->intercept(*call_, inside);
}

}  // namespace ringrpc
