/// Where to listen or to connect, in the words that flags, logs and statuses use.
///
///   Result<Address> address = Address::parse("unix:/run/grpcd.sock");
///   Result<std::vector<SocketAddress>> sockets = resolve(*address);
///
/// Written `host:port`, `[v6]:port`, `unix:/path` (or `unix:path`, relative) and `unix-abstract:name`, as
/// gRPC's naming document has them (https://github.com/grpc/grpc/blob/master/doc/naming.md). `tcp://` may
/// stand before host:port, and `tls+` before any address: what is said there is said through TLS.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/status.h"

#include "reactor/io.h"

namespace ringrpc {

class Address {
 public:
  enum class Kind : std::uint8_t { tcp, unix_path, unix_abstract };

  /// INVALID_ARGUMENT that quotes `text` and says what would be right.
  static Result<Address> parse(std::string_view text);

  Kind kind() const noexcept { return kind_; }
  /// The host without brackets, the path, or the abstract name without its leading NUL.
  const std::string& name() const noexcept { return name_; }
  /// The TCP port; 0 otherwise.
  std::uint16_t port() const noexcept { return port_; }

  /// Whether it begins with `tls+`.
  bool tls() const noexcept { return tls_; }
  /// The same with that beginning, or without.
  Address with_tls(bool tls) const {
    Address changed = *this;
    changed.tls_ = tls;
    return changed;
  }

  /// In the syntax of `parse`.
  std::string to_string() const;

  /// What a client says in `:authority`: host and port, or "localhost" where a path would not be valid.
  std::string authority() const;
  /// The name that a server's certificate must have: the host, or "localhost" where there is none.
  std::string server_name() const;

 private:
  Address(Kind kind, std::string name, std::uint16_t port)
      : name_(std::move(name)), port_(port), kind_(kind) {}

  std::string name_;
  std::uint16_t port_;
  Kind kind_;
  bool tls_ = false;
};

/// The beginning of an address with TLS.
inline constexpr std::string_view tls_prefix = "tls+";

/// The socket addresses behind `address`, in order of preference. Numbers and "localhost" answer at once;
/// other host names ask the system's resolver, which may take seconds: not on a shard. UNAVAILABLE names the
/// host and the resolver's answer.
Result<std::vector<SocketAddress>> resolve(const Address& address);

/// Whether `resolve` answers without asking a resolver.
bool resolves_at_once(const Address& address) noexcept;

/// "127.0.0.1:50051", "[::1]:50051", "unix:/run/x.sock", "unix-abstract:name"; "unix:" for an unnamed peer.
std::string to_string(const SocketAddress& address);

}  // namespace ringrpc
