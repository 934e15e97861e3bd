/// One call as the conformance runner wants it made, and how it went.
///
///   conformance::ClientResponseResult result = co_await make_call(channel, request);
///
/// Requests, their compression and cancellation follow `request`; the result tells all that came back.
/// UNIMPLEMENTED for a compression that the library does not have.
#pragma once

#include "ringrpc/channel.h"
#include "ringrpc/task.h"

#include "connectrpc/conformance/v1/client_compat.pb.h"
#include "interop/conformance_pipe.h"

namespace ringrpc::interop {

Task<Result<conformance::ClientResponseResult>> make_call(Channel& channel,
                                                          const conformance::ClientCompatRequest& request);

}  // namespace ringrpc::interop
