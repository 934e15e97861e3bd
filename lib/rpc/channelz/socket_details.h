/// Reads the addresses and options of a socket from the kernel.
#pragma once

#include "rpc/channelz/snapshots.h"

namespace ringrpc::channelz {

/// None if `descriptor` is not a socket of the kernel.
SocketAddress local_address(int descriptor) noexcept;

SocketOptions socket_options(int descriptor) noexcept;

/// `bound` has its address in the syntax of `--listen`.
SocketSnapshot listen_socket(Ref bound);

}  // namespace ringrpc::channelz
