/// Where to listen or to connect, in the words that flags, logs and statuses use.
///
///   Result<Address> address = Address::parse("unix:/run/grpcd.sock");
///   Result<std::vector<SocketAddress>> sockets = resolve(*address);
///
/// Written `host:port`, `[v6]:port`, `unix:/path` (or `unix:path`, relative) and `unix-abstract:name`, as
/// gRPC's naming document has them (https://github.com/grpc/grpc/blob/master/doc/naming.md); `vsock:CID:PORT`
/// or `vsock://CID:PORT`, where the CID is a number, `any`, `local` or `host`; and `hvsock:///path:PORT`, the
/// port of a virtual machine whose vsock is the unix socket of that path (transport/hybrid_vsock.h). Servers
/// also take `systemd` and `systemd:name`, the sockets that systemd has opened for them
/// (transport/activation.h), and `fd:3`, one that is open for any other reason. `tcp://` may stand before
/// host:port, and `tls+` before any address: what is said there is said through TLS.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/status.h"

#include "reactor/io.h"

namespace ringrpc {

class Address {
 public:
  enum class Kind : std::uint8_t { tcp, unix_path, unix_abstract, vsock, hybrid_vsock, systemd, descriptor };

  /// INVALID_ARGUMENT that quotes `text` and says what would be right.
  static Result<Address> parse(std::string_view text);
  /// The same for a client: what only servers can use, `systemd`, `fd:3` or `vsock:any:PORT`, is refused too.
  static Result<Address> parse_target(std::string_view text);

  /// An open socket that listens.
  static Address of_descriptor(std::uint32_t fd) { return Address(Kind::descriptor, {}, fd); }

  Kind kind() const noexcept { return kind_; }
  /// The host without brackets, the path, the abstract name without its leading NUL, the CID, or the
  /// name of systemd's sockets.
  const std::string& name() const noexcept { return name_; }
  /// Of TCP 16 bits, of vsock 32; the number of a descriptor; 0 otherwise.
  std::uint32_t port() const noexcept { return port_; }

  /// Whether it begins with `tls+`.
  bool tls() const noexcept { return tls_; }
  /// The same with that beginning, or without.
  Address with_tls(bool tls) const {
    Address changed = *this;
    changed.tls_ = tls;
    return changed;
  }

  /// Whether both are the same open socket.
  bool same_descriptor(const Address& other) const noexcept {
    return kind_ == Kind::descriptor && other.kind_ == kind_ && other.port_ == port_;
  }

  /// In the syntax of `parse`.
  std::string to_string() const;

  /// What a client says in `:authority`: host and port, or "localhost" where a path would not be valid.
  std::string authority() const;
  /// The name that a server's certificate must have: the host, or "localhost" where there is none.
  std::string server_name() const;

  /// What a server binds: this address, or for hybrid vsock the unix socket to which the hypervisor connects
  /// for a guest that calls this port.
  Address bound() const;

 private:
  Address(Kind kind, std::string name, std::uint32_t port)
      : name_(std::move(name)), port_(port), kind_(kind) {}
  /// A failure says why and quotes nothing.
  static Result<Address> parse_form(std::string_view text);
  static std::optional<Address> parse_inherited(std::string_view text);
  static Result<Address> parse_vsock(std::string_view text);
  static Result<Address> parse_hybrid_vsock(std::string_view text);

  std::string name_;
  std::uint32_t port_;
  Kind kind_;
  bool tls_ = false;
};

/// The beginning of an address with TLS.
inline constexpr std::string_view tls_prefix = "tls+";

/// The socket addresses behind `address` to connect to, in order of preference. Numbers and "localhost"
/// answer at once; other host names ask the system's resolver, which may take seconds: not on a shard.
/// UNAVAILABLE names the host and the resolver's answer.
Result<std::vector<SocketAddress>> resolve(const Address& address);

/// Whether `resolve` answers without asking a resolver.
bool resolves_at_once(const Address& address);

/// "127.0.0.1:50051", "[::1]:50051", "unix:/run/x.sock", "unix-abstract:name", "vsock:3:50051"; "unix:" for
/// an unnamed peer.
std::string to_string(const SocketAddress& address);

}  // namespace ringrpc
