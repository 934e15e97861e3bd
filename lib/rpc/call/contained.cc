#include "rpc/call/contained.h"

#include <chrono>
#include <new>
#include <string>
#include <utility>

#include "ringrpc/log.h"

#include "base/caught.h"
#include "base/log_quota.h"

namespace ringrpc {

namespace {

Status ended_without_value(std::string_view path, std::string_view who) noexcept {
  try {
    const std::string fault = std::string(who) + ", or a task that it awaits, ended without co_return";
    log_fault(path, fault);
    return Status(Code::INTERNAL, std::string(path) + ": " + fault, Initiator::application);
  } catch (...) {
    return caught();
  }
}

}  // namespace

Task<Status> throwing(std::exception_ptr thrown) {
  std::rethrow_exception(std::move(thrown));
  co_return Status();
}

void log_fault(std::string_view path, std::string_view fault) noexcept {
  thread_local LogQuota quota;
  if (const auto left_out = quota.take(std::chrono::steady_clock::now())) {
    try {
      log::error("{}: {}{}", log::Field("method", path), fault, left_out->words());
    } catch (const std::bad_alloc&) {
      // The next fault is logged.
    }
  }
}

Status thrown_status(std::string_view path, std::string_view who) noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return caught();
  } catch (const detail::NoCoReturn&) {
    return ended_without_value(path, who);
  } catch (...) {
    log_fault(path, detail::thrown_status(who).message());  // its text is not for the peer
  }
  try {
    return Status(Code::INTERNAL, std::string(who) + " failed with an exception", Initiator::application);
  } catch (...) {
    return caught();
  }
}

Status shown(MessageObserver& observer, Status (MessageObserver::*show)(const MessageView&),
             const MessageView& message, std::string_view path) noexcept {
  try {
    return (observer.*show)(message);
  } catch (...) {
    return thrown_status(path, "a message observer");
  }
}

Status outcome(const Task<Status>& task, std::string_view path, std::string_view who) {
  try {
    return task.result();
  } catch (...) {
    return thrown_status(path, who);
  }
}

Task<Status> settled(Task<Status> task, std::string_view path, std::string_view who) {
  try {
    co_return co_await std::move(task);
  } catch (...) {
    co_return thrown_status(path, who);
  }
}

}  // namespace ringrpc
