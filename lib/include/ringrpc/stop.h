/// Waits for a stop that another thread requests by the standard's `std::stop_source`.
///
///   Task<Status> follow(routes::v1::RouteGuide::Stub routes, std::stop_token stop) {
///     auto features = routes.ListFeatures(Rectangle());
///     for (;;) {
///       auto next = co_await when_any(features.next(), stop_requested(stop));
///       if (next.index() == 1 || !std::get<0>(next)) break;
///       print(*std::get<0>(next));
///     }
///     co_return Status();  // the call is cancelled when `features` is destroyed
///   }
///
/// CallOptions::stop cancels a call, and `submit` takes a token for a whole task (ringrpc/submit.h).
#pragma once

#include "ringrpc/compiler.h"

#include <stop_token>

#include "ringrpc/export.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// Ends when a stop of `token` is requested, on any thread: at once if that is so already, and never if none can be
/// requested. Await it on a shard. Destroying the task ends the wait.
RINGRPC_EXPORT Task<> stop_requested(std::stop_token token);

}  // namespace ringrpc
