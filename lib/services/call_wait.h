/// Names the thing that a call in a certain state waits for, for pages.
#pragma once

#include <string_view>

#include "ringrpc/server_snapshot.h"

namespace ringrpc {

/// "the handler" and so on.
std::string_view waits_for(CallState state) noexcept;

}  // namespace ringrpc
