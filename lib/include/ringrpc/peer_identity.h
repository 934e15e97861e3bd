/// The identity of a peer that the transport has verified, beside its address. The peer cannot forge it.
///
///   const PeerIdentity peer = call.peer_identity();
///   if (!peer.unix_credentials || peer.unix_credentials->uid != 0)
///     co_return fail(Code::PERMISSION_DENIED, "only root may ask that");
///
/// Each kind of identity is a member, empty if the connection has none of that kind. Later versions may add
/// kinds. A plain value: several threads may read one object, and one may change it.
#pragma once

#include "ringrpc/compiler.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "ringrpc/export.h"

namespace ringrpc {

/// The process that connected, as the kernel recorded it at that time (SO_PEERCRED, see unix(7)). It may
/// have passed the socket on since, and its pid may have been reused: decide by uid and gid. The pid is 0
/// for a process of a pid namespace that is not visible from here.
struct UnixCredentials {
  pid_t pid;  ///< the process, as of the connection
  uid_t uid;  ///< its effective user
  gid_t gid;  ///< its effective group

  friend bool operator==(const UnixCredentials&, const UnixCredentials&) = default;
};

/// The subject of the peer's verified certificate (RFC 5280). Names are the bytes that the CA signed:
/// compare them whole.
struct CertificateIdentity {
  std::string subject;  ///< "CN=alice,O=example" (RFC 4514)
  // The subject's alternative names, by their kind.
  std::vector<std::string> dns_names;        ///< "a.example"
  std::vector<std::string> uris;             ///< "spiffe://example.org/billing"
  std::vector<std::string> email_addresses;  ///< "alice@example.org"
  std::vector<std::string> ip_addresses;     ///< "10.0.0.7", "fd00::1"
  /// "spiffe://example.org/billing" if the certificate is an X.509-SVID, which has this one URI
  /// (https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md); else empty.
  std::string spiffe_id;
};

/// All identities of a peer: one member for each kind.
struct PeerIdentity {
  std::optional<UnixCredentials> unix_credentials;  ///< over unix sockets
  /// Over TLS, if the server has `client_authorities` (ringrpc/tls.h). All calls of the connection share it,
  /// so a copy is cheap.
  std::shared_ptr<const CertificateIdentity> certificate;
  /// Over vsock: the context id of the virtual machine that connected, 2 for the host, 1 for this machine
  /// (vsock(7)). Over hybrid vsock the hypervisor connects, with its unix_credentials.
  std::optional<std::uint32_t> vsock_cid;
};

/// "pid 4711, uid 1000, gid 1000", "vsock cid 3", "spiffe://example.org/billing", "CN=alice,O=example"; empty
/// for a peer without an identity.
RINGRPC_EXPORT std::string to_string(const PeerIdentity& identity);

}  // namespace ringrpc
