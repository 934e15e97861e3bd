/// Handlers and interceptors are other people's code: what they throw fails their call and nothing else.
///
///   task_ = contained([&] { return next(); });
///   ...
///   Status status = outcome(task_, "/echo.v1.EchoService/Echo", "the handler");
#pragma once

#include <exception>
#include <string_view>

#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// A task that throws what was thrown.
Task<Status> throwing(std::exception_ptr thrown);

/// What `make` makes. One that is not a coroutine throws where it is called, and not from its task.
template <class Make>
Task<Status> contained(const Make& make) {
  try {
    return make();
  } catch (...) {
    return throwing(std::current_exception());
  }
}

/// The status of a task that is done; INTERNAL where it threw, and a line in the log that says what `who`
/// threw.
Status outcome(const Task<Status>& task, std::string_view path, std::string_view who);

}  // namespace ringrpc
