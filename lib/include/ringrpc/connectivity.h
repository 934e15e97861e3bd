/// The states of a channel, and of its connections to one address
/// (https://github.com/grpc/grpc/blob/master/doc/connectivity-semantics-and-api.md).
#pragma once

#include <cstdint>

namespace ringrpc {

/// In the order of precedence for a channel whose shards are in several states.
enum class Connectivity : std::uint8_t {
  idle,               ///< nothing is connected, and nothing connects; the next call does
  transient_failure,  ///< an attempt has failed, and it is too soon for another
  connecting,         ///< a name is looked up, or a connection is being made
  ready,              ///< calls are sent at once
  shutdown,           ///< the channel is closed
};

}  // namespace ringrpc
