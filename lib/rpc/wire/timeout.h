/// The `grpc-timeout` header: 1 to 8 digits and a unit of "HMSmun" (PROTOCOL-HTTP2.md, "Timeout").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ringrpc/clock.h"

namespace ringrpc {

/// Nothing for a malformed value. A value too long for nanoseconds becomes their maximum.
std::optional<Nanoseconds> parse_timeout(std::string_view value) noexcept;

/// Uses the finest unit that holds `timeout` in 8 digits, rounded up; "0n" if none is left.
std::string format_timeout(Nanoseconds timeout);

}  // namespace ringrpc
