/// The reason for another attempt of a call.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringrpc {

enum class AttemptKind : std::uint8_t {
  transparent,  ///< the server has not begun to serve the request
  retry,        ///< an attempt has failed, and the call has a retry policy
  hedge,        ///< beside the attempts under way, or after them, of a call with a hedging policy
};
inline constexpr std::size_t attempt_kinds = 3;

}  // namespace ringrpc
