/// The status of a thread that cannot be started, with the remedy.
///
///   if (error != 0) return std::unexpected(thread_failure("cannot start a thread for keys", error));
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "ringrpc/status.h"

namespace ringrpc {

/// `error` is that of pthread_create: an errno.
inline Status thread_failure(std::string_view what, int error) {
  std::string message(what);
  message.append(": ").append(std::generic_category().message(error));
  if (error == EAGAIN)
    message += "; raise the limit of threads (ulimit -u, or LimitNPROC= and TasksMax= under systemd)";
  return {Code::RESOURCE_EXHAUSTED, std::move(message), Initiator::library};
}

}  // namespace ringrpc
