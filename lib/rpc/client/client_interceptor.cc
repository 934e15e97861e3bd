#include "ringrpc/client_interceptor.h"

#include "rpc/call/contained.h"

namespace ringrpc {

/// As long as it exists, the observer sees the messages of the call.
class ClientNext::Observation {
 public:
  Observation(Wire& wire, MessageObserver& observer) : wire_(wire), observer_(observer) {
    wire_.observe(observer_);
  }
  Observation(const Observation&) = delete;
  Observation& operator=(const Observation&) = delete;
  ~Observation() { wire_.unobserve(observer_); }

 private:
  Wire& wire_;
  MessageObserver& observer_;
};

Task<Status> ClientNext::operator()() const {
  if (interceptors_.empty()) return wire_->make_call();
  ClientNext inside = *this;
  inside.interceptors_ = interceptors_.subspan(1);
  const auto intercept = [&] { return interceptors_.front()->intercept(*request_, inside); };
  return settled(contained(intercept), request_->method, "an interceptor");
}

Task<Status> ClientNext::run_observed(ClientNext next, MessageObserver& observer) {
  const Observation observation(*next.wire_, observer);
  co_return co_await next();
}

}  // namespace ringrpc
