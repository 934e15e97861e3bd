/// The states of a channel, and of its connections to one address
/// (https://github.com/grpc/grpc/blob/master/doc/connectivity-semantics-and-api.md).
#pragma once

#include "ringrpc/compiler.h"

#include <cstdint>

namespace ringrpc {

/// In the order of precedence for a channel whose shards are in several states.
enum class Connectivity : std::uint8_t {
  /// Nothing is connected, and nothing connects; the next call does.
  idle,
  /// Nothing could be reached, or the server does not serve (gRFC A17). It lasts until something is ready, or
  /// nothing is needed any more: a backend that its policy releases is idle, as is a channel long without calls.
  transient_failure,
  /// A name is looked up, a connection is being made, or the server's health is not known yet.
  connecting,
  ready,     ///< calls are sent at once
  shutdown,  ///< the channel is closed
};

}  // namespace ringrpc
