/// The rules for a parsed head beyond its syntax: target, host, body framing, expectations and persistence.
/// Where the standard leaves a choice, the stricter one is taken, because a proxy before the server may have
/// made the other (request smuggling: RFC 9112, 11.2).
#pragma once

#include <cstdint>

#include "http1/refusal.h"
#include "http1/request.h"

namespace ringrpc::http1 {

/// Sets the members of `request` other than method, target, version and fields. Returns the refusal, or none;
/// after a refusal those members have no meaning. A body announced as longer than `body_bytes_max` is refused
/// with 413.
Refusal check_request(Request& request, std::uint64_t body_bytes_max);

}  // namespace ringrpc::http1
