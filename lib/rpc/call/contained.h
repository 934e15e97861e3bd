/// Handlers and interceptors are other people's code: what they throw fails their call and nothing else.
///
///   task_ = contained([&] { return next.enter(); });
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

/// What `make` makes. One that is not a coroutine throws where it is called, and not from its task, or returns
/// none.
template <class Make>
Task<Status> contained(const Make& make) {
  try {
    Task<Status> task = make();
    if (!task.valid()) detail::no_coroutine();
    return task;
  } catch (...) {
    return throwing(std::current_exception());
  }
}

/// A line of the log about a fault of the application in a call of `path`. Callers can repeat what provokes it,
/// so the lines are limited (base/log_quota.h).
void log_fault(std::string_view path, std::string_view fault) noexcept;

/// The exception that is being handled, as a status: out_of_memory() for want of memory; else INTERNAL, and a
/// line in the log that says what `who` threw.
Status thrown_status(std::string_view path, std::string_view who) noexcept;

/// The status of a task that is done, or of what it threw.
Status outcome(const Task<Status>& task, std::string_view path, std::string_view who);

/// The same of a task that is to be run. `path` and `who` must outlive it.
Task<Status> settled(Task<Status> task, std::string_view path, std::string_view who);

}  // namespace ringrpc
