/// The limit on how far a writer gets ahead of the bytes that have left.
#pragma once

#include <cstddef>

namespace ringrpc {

/// A writer waits while this many bytes of its call have not left yet.
inline constexpr std::size_t write_ahead_bytes = 64 * 1024;

}  // namespace ringrpc
