/// Contains exceptions of handlers and interceptors, which are application code: an exception fails only its
/// own call.
///
///   task_ = contained([&] { return next.enter(); });
///   ...
///   Status status = outcome(task_, "/echo.v1.EchoService/Echo", "the handler");
#pragma once

#include <exception>
#include <string_view>

#include "ringrpc/message_observer.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// A task that throws the exception.
Task<Status> throwing(std::exception_ptr thrown);

/// The task that `make` makes. If `make` is not a coroutine, it may throw when it is called, or return no
/// task; then the returned task reports that.
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

/// Logs a fault of the application in a call of `path`. Callers can repeat the cause, so the number of log
/// lines is limited (base/log_quota.h).
void log_fault(std::string_view path, std::string_view fault) noexcept;

/// The status for the exception that is being handled: out_of_memory(), or INTERNAL with a log line that
/// names what `who` threw.
Status thrown_status(std::string_view path, std::string_view who) noexcept;

/// Shows an observer a message of a call of `path`. Gives its status, or the status for its exception.
Status shown(MessageObserver& observer, Status (MessageObserver::*show)(const MessageView&),
             const MessageView& message, std::string_view path) noexcept;

/// The status of a finished task, or of its exception.
Status outcome(const Task<Status>& task, std::string_view path, std::string_view who);

/// The same for a task that has yet to run. `path` and `who` must outlive it.
Task<Status> settled(Task<Status> task, std::string_view path, std::string_view who);

}  // namespace ringrpc
