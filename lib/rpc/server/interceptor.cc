#include "ringrpc/interceptor.h"

#include "rpc/call/contained.h"
#include "rpc/server/observed_stream.h"

namespace ringrpc {
namespace {

Task<Status> with_failure_of(Task<Status> rest, Call& call, std::string_view who) {
  Status status;
  try {
    status = co_await std::move(rest);
  } catch (...) {
    status = thrown_status(call.method(), who);
  }
  Status failure = call.failure();
  co_return failure.ok() ? std::move(status) : std::move(failure);
}

}  // namespace

Task<Status> Next::operator()() const {
  const std::string_view who = interceptors_.empty() ? "the handler" : "an interceptor";
  return with_failure_of(contained([this] { return enter(); }), *call_, who);
}

Task<Status> Next::run_observed(Next next, MessageObserver& observer) {
  ObservedStream stream(*next.call_, *next.stream_, observer);
  next.stream_ = &stream;
  co_return co_await next();
}

}  // namespace ringrpc
