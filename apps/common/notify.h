/// Tells systemd how this process fares, for units of Type=notify (sd_notify(3)).
///
///   notify_supervisor("READY=1");
#pragma once

#include <string_view>

namespace ringrpc::apps {

/// Sends `state` to the socket that the variable NOTIFY_SOCKET names. Nothing where there is none; a failure
/// is logged, since the supervisor would wait in vain.
void notify_supervisor(std::string_view state);

}  // namespace ringrpc::apps
