/// What the transport vouches for of a peer, beside its address: whoever speaks, these it cannot make up.
///
///   const PeerIdentity peer = call.peer_identity();
///   if (!peer.unix_credentials || peer.unix_credentials->uid != 0)
///     co_return fail(Code::PERMISSION_DENIED, "only root may ask that");
///
/// Each kind of identity is a member of its own, empty where the connection has none of the kind. Others may
/// join these; what a caller does not ask for does not concern it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

namespace ringrpc {

/// The process that connected, as the kernel noted it when it did (SO_PEERCRED, see unix(7)). It may have
/// passed the socket on since, and its pid may be another's by now: decide on uid and gid. The pid is 0 for a
/// process of another pid namespace that cannot be seen from here.
struct UnixCredentials {
  pid_t pid;
  uid_t uid;
  gid_t gid;

  friend bool operator==(const UnixCredentials&, const UnixCredentials&) = default;
};

struct PeerIdentity {
  std::optional<UnixCredentials> unix_credentials;  ///< over unix sockets
  /// Over vsock: the context id of the virtual machine that connected, 2 for the host, 1 for this machine
  /// (vsock(7)). Over hybrid vsock the hypervisor connects, with its unix_credentials.
  std::optional<std::uint32_t> vsock_cid;
};

/// "pid 4711, uid 1000, gid 1000", "vsock cid 3"; empty where nothing is vouched for.
std::string to_string(const PeerIdentity& identity);

}  // namespace ringrpc
