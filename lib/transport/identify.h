/// Asks a connection's transport who is at the other end.
///
///   const PeerIdentity peer = identify(*stream);
#pragma once

#include "ringrpc/peer_identity.h"

#include "reactor/io.h"

namespace ringrpc {

/// One or two system calls; also after the peer has gone.
PeerIdentity identify(const ByteStream& stream);

}  // namespace ringrpc
