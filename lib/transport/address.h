/// An address to listen on or to connect to, with the syntax that flags, logs and statuses use.
///
///   Result<Address> address = Address::parse("unix:/run/grpcd.sock");
///   Result<std::vector<SocketAddress>> sockets = resolve(*address);
///
/// The forms are `host:port`, `[v6]:port`, `unix:/path` (or `unix:path`, relative) and `unix-abstract:name`,
/// as in gRPC's naming document (https://github.com/grpc/grpc/blob/master/doc/naming.md); `vsock:CID:PORT` or
/// `vsock://CID:PORT`, where the CID is a number, `any`, `local` or `host`; and `hvsock:///path:PORT`, a port
/// of the virtual machine whose vsock is the unix socket at that path (transport/hybrid_vsock.h). Servers
/// also take `systemd` and `systemd:name`, the sockets that systemd has opened for them
/// (transport/activation.h), and `fd:3`, a socket that is open for any other reason. `tcp://` may precede
/// host:port. `tls+` may precede any address and turns TLS on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/status.h"

#include "base/testing_export.h"
#include "reactor/io.h"

namespace ringrpc {

class Address {
 public:
  enum class Kind : std::uint8_t { tcp, unix_path, unix_abstract, vsock, hybrid_vsock, systemd, descriptor };

  /// INVALID_ARGUMENT quotes `text` and gives the form that is expected.
  RINGRPC_TESTING_EXPORT static Result<Address> parse(std::string_view text);
  /// The same for a client. Refuses forms that only servers can use: `systemd`, `fd:3` and `vsock:any:PORT`.
  static Result<Address> parse_target(std::string_view text);

  /// An open, listening socket.
  static Address of_descriptor(std::uint32_t fd) { return Address(Kind::descriptor, {}, fd); }

  Kind kind() const noexcept { return kind_; }
  /// The host without brackets, the path, the abstract name without its leading NUL, the CID, or the name of
  /// systemd's sockets.
  const std::string& name() const noexcept { return name_; }
  /// 16 bits for TCP, 32 for vsock; the number of a descriptor; 0 for other kinds.
  std::uint32_t port() const noexcept { return port_; }

  /// True if the address begins with `tls+`.
  bool tls() const noexcept { return tls_; }
  /// The same address with or without TLS.
  Address with_tls(bool tls) const {
    Address changed = *this;
    changed.tls_ = tls;
    return changed;
  }

  /// True if both addresses are the same open socket.
  bool same_descriptor(const Address& other) const noexcept {
    return kind_ == Kind::descriptor && other.kind_ == kind_ && other.port_ == port_;
  }

  /// In the syntax of `parse`.
  std::string to_string() const;

  /// The client's `:authority`: host and port, or "localhost" for a path, which is not valid there.
  std::string authority() const;
  /// The name that a server's certificate must have: the host, or "localhost" if there is none.
  std::string server_name() const;

  /// The address that a server binds: this one, or for hybrid vsock the unix socket that the hypervisor
  /// connects to when a guest calls this port.
  Address bound() const;

 private:
  Address(Kind kind, std::string name, std::uint32_t port)
      : name_(std::move(name)), port_(port), kind_(kind) {}
  /// The message of a failure gives the reason without quoting the text.
  static Result<Address> parse_form(std::string_view text);
  static std::optional<Address> parse_inherited(std::string_view text);
  static Result<Address> parse_vsock(std::string_view text);
  static Result<Address> parse_hybrid_vsock(std::string_view text);
  std::string host_and_port() const;

  std::string name_;
  std::uint32_t port_;
  Kind kind_;
  bool tls_ = false;
};

/// The prefix of an address with TLS.
inline constexpr std::string_view tls_prefix = "tls+";

/// The socket address of an IP address, without brackets; nothing for other text.
std::optional<SocketAddress> parse_ip(const std::string& host, std::uint16_t port);

/// The socket addresses to connect to for `address`, in order of preference. Numbers and "localhost" resolve
/// at once. Other host names go to the system's resolver, which may take seconds, so a shard calls this
/// for them only before it serves. UNAVAILABLE names the host and the resolver's error.
Result<std::vector<SocketAddress>> resolve(const Address& address);

/// True if `resolve` needs no resolver for this address.
bool resolves_at_once(const Address& address);

/// "127.0.0.1:50051", "[::1]:50051", "unix:/run/x.sock", "unix-abstract:name", "vsock:3:50051"; "unix:" for
/// an unnamed peer.
std::string to_string(const SocketAddress& address);

/// True if only this machine can connect to `bound`, the address of a listener.
bool is_local(const std::string& bound);

}  // namespace ringrpc
