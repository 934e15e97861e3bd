/// What is done around the calls of a server: authentication, audit, limits, tracing.
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
/// An interceptor is a coroutine around the call: what it does before `next` happens before the handler, what
/// it returns is how the call ends. One that does not run `next` answers instead of the handler. What it
/// learned of the caller it tells those inside in `call.attributes()`. A call whose deadline passes, or whose
/// caller leaves, destroys the frames of its interceptors with the handler's, so that nothing behind `next`
/// runs; `on_end` is told how every call ends that has begun.
///
/// They see the calls of registered methods, those of health and reflection too. What is refused by its
/// headers never becomes a call: a method that is not there, malformed or too much metadata, an unknown
/// encoding, a timeout that has passed on arrival. One object serves all shards at the same time. What one
/// throws fails its call and no other.
#pragma once

#include <span>
#include <utility>

#include "ringrpc/call.h"
#include "ringrpc/message_observer.h"
#include "ringrpc/service.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

class Interceptor;

/// What is left of a call: the interceptors further inside and the handler.
class Next {
 public:
  /// How it ended: INTERNAL where it threw, and why the call failed where that was not the handler's doing, as
  /// with an answer that is too large. (What can go wrong behind that, as with metadata that is more than the
  /// caller takes, `on_end` knows.) Run it once at most: the second time gives INTERNAL.
  Task<Status> operator()() const;
  /// The same, and shows `observer` the messages of the call. It must outlive the task.
  Task<Status> operator()(MessageObserver& observer) const { return run_observed(*this, observer); }

  /// For the library: the same as the code further inside gives it, or throws.
  Task<Status> enter() const;
  /// For the library: all of a call, and whether its handler has begun.
  Next(std::span<Interceptor* const> interceptors, const Method& method, Service& service, Call& call,
       MessageStream& stream, bool& begun) noexcept
      : interceptors_(interceptors),
        method_(&method),
        service_(&service),
        call_(&call),
        stream_(&stream),
        begun_(&begun) {}

 private:
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

/// The base class of what runs around the calls of a server.
class Interceptor {
 public:
  virtual ~Interceptor() = default;
  virtual Task<Status> intercept(Call& /*call*/, Next next) { return next.enter(); }

  /// The call has its outcome: `status` is what was sent, or what would have been (DEADLINE_EXCEEDED,
  /// CANCELLED) had the caller stayed. Once for each call, the innermost first, also for one that failed
  /// before an interceptor saw it, as a request without a message; its handler may still be there.
  virtual void on_end(Call& /*call*/, const Status& /*status*/) {}
};

inline Task<Status> Next::enter() const {
  if (interceptors_.empty())
    return std::exchange(*begun_, true) ? run_twice() : method_->serve(*service_, *call_, *stream_);
  Next inside = *this;
  inside.interceptors_ = interceptors_.subspan(1);
  return interceptors_.front()->intercept(*call_, inside);
}

}  // namespace ringrpc
