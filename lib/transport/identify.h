/// Identifies the peer of a connection by its transport.
///
///   const PeerIdentity peer = identify(*stream);
#pragma once

#include "ringrpc/peer_identity.h"

#include "reactor/io.h"

namespace ringrpc {

/// Makes one or two system calls. It also works after the peer has closed.
PeerIdentity identify(const ByteStream& stream);

}  // namespace ringrpc
