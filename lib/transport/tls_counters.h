/// The handshakes of TLS streams on one shard.
#pragma once

#include <cstdint>

namespace ringrpc {

struct TlsCounters {
  std::uint64_t full = 0;     ///< handshakes finished, not resumed
  std::uint64_t resumed = 0;  ///< handshakes finished that resumed a session
  std::uint64_t failed = 0;   ///< streams that ended before their handshake was finished
};

}  // namespace ringrpc
