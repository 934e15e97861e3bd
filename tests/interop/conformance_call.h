/// Makes one call for the conformance runner and reports its result.
///
///   conformance::ClientResponseResult result = co_await make_call(channel, request);
///
/// `request` defines the requests, their compression and their cancellation; the result has everything that
/// the server sent. UNIMPLEMENTED for a compression that the library does not have.
#pragma once

#include "ringrpc/channel.h"
#include "ringrpc/task.h"

#include "connectrpc/conformance/v1/client_compat.pb.h"
#include "interop/conformance_pipe.h"

namespace ringrpc::interop {

Task<Result<conformance::ClientResponseResult>> make_call(Channel& channel,
                                                          const conformance::ClientCompatRequest& request);

}  // namespace ringrpc::interop
