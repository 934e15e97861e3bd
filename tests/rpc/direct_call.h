/// Methods called without a connection, on the fakes of ringrpc/testing/fake_call.h.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "ringrpc/service.h"
#include "ringrpc/testing/fake_call.h"

namespace ringrpc {

/// The method of that name; an empty one, which must not be called, when there is none.
inline Method method_named(const Service& service, std::string_view name) {
  for (const Method& method : service.service_methods())
    if (method.name == name) return method;
  return {};
}

/// Runs a unary method to its end and returns its response.
template <class Response, class Request>
Result<Response> call_unary_method(Service& service, std::string_view name, const Request& request,
                                   Nanoseconds spent = {}) {
  testing::FakeStream stream;
  std::string path("/");
  path.append(service.service_name()).append("/").append(name);
  testing::FakeCall call(path);
  call.advance(spent);
  stream.receive(request);
  const Task<Status> task = method_named(service, name).serve(service, call, stream);
  task.start();
  if (!task.done()) return fail(Code::INTERNAL, "the handler has not ended");
  if (Status status = task.result(); !status.ok()) return std::unexpected(std::move(status));
  if (stream.sent_count() != 1) return fail(Code::INTERNAL, "not one message");
  return stream.sent<Response>().at(0);
}

}  // namespace ringrpc
