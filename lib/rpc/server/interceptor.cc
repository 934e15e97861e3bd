#include "ringrpc/interceptor.h"

#include "rpc/call/contained.h"

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

}  // namespace ringrpc
