/// How far a writer gets ahead of what has left.
#pragma once

#include <cstddef>

namespace ringrpc {

/// A writer waits while this much of its call has not left yet.
inline constexpr std::size_t write_ahead_bytes = 64 * 1024;

}  // namespace ringrpc
