/// Reports the state of this process to systemd, for units of Type=notify (sd_notify(3)).
///
///   notify_supervisor("READY=1");
#pragma once

#include <string_view>

namespace ringrpc::apps {

/// Sends `state` to the socket that the variable NOTIFY_SOCKET names; does nothing when it is not set. A
/// failure is logged, because systemd then waits until its own timeout.
void notify_supervisor(std::string_view state);

}  // namespace ringrpc::apps
