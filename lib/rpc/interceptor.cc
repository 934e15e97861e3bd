#include "ringrpc/interceptor.h"

#include "rpc/contained.h"

namespace ringrpc {
namespace {

Task<Status> as_the_caller_sees_it(Task<Status> rest, Call& call, std::string_view who) {
  Status status = co_await settled(std::move(rest), call.method(), who);
  Status failure = call.failure();
  co_return failure.ok() ? std::move(status) : std::move(failure);
}

}  // namespace

Task<Status> Next::operator()() const {
  const std::string_view who = interceptors_.empty() ? "the handler" : "an interceptor";
  return as_the_caller_sees_it(contained([this] { return enter(); }), *call_, who);
}

}  // namespace ringrpc
