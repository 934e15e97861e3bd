#include "ringrpc/client_interceptor.h"

#include "rpc/call/contained.h"

namespace ringrpc {

Task<Status> ClientNext::operator()() const {
  if (interceptors_.empty()) return wire_->make_call();
  ClientNext inside = *this;
  inside.interceptors_ = interceptors_.subspan(1);
  const auto intercept = [&] { return interceptors_.front()->intercept(*request_, inside); };
  return settled(contained(intercept), request_->method, "an interceptor");
}

}  // namespace ringrpc
