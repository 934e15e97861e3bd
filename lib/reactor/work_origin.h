/// The caller that work is done for, where callers wait for each other (reactor/fair_queue.h).
#pragma once

#include <cstdint>

#include "reactor/peer_key.h"

namespace ringrpc {

/// Work without an origin shares one.
struct WorkOrigin {
  bool trusted = false;          ///< has shown before that its work is worth doing
  PeerKey peer{};                ///< its address
  std::uint64_t connection = 0;  ///< distinguishes the connections of an address
};

}  // namespace ringrpc
