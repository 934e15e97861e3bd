/// The place of a call's work among that of other callers.
///
///   const WorkOrigin origin = origin_of(call);
#pragma once

#include "ringrpc/call.h"

#include "reactor/work_origin.h"

namespace ringrpc {

/// By the address of the peer and its connection; for a unix socket, by the peer's user and process. Takes
/// microseconds.
WorkOrigin origin_of(const Call& call);

}  // namespace ringrpc
