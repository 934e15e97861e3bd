/// The target of a channel, as it was written (https://github.com/grpc/grpc/blob/master/doc/naming.md).
///
///   Result<Target> target = Target::parse("tls+dns:///orders.example:443", {});
///   target->authority();                        // "orders.example:443"
///
/// A target is a list of places, separated by commas, or a name for a resolver of the application's. `tls+`
/// may precede either. A place is
///   host:port, or any other form of transport/address.h that a client can connect to
///   dns:host[:port], dns:///host[:port], dns://server[:port]/host[:port]
///   ipv4:address[:port], ipv6:[address]:port, ipv6:address; in a list, those that follow need no prefix
/// A dns, ipv4 or ipv6 place without a port has 443 with TLS, and 80 in plaintext.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/status.h"

#include "transport/address.h"

namespace ringrpc {

/// A place of a target has at most this many others beside it.
inline constexpr std::size_t target_places_max = 100;

class Target {
 public:
  struct Place {
    Address address;
    /// The server that knows the name, with its port; none for those of the system, or if there is no name.
    std::optional<Address> name_server{};

    /// True if the address has a host name.
    bool is_name() const { return !resolves_at_once(address); }
  };
  /// A name for a resolver of the application's.
  struct Name {
    std::string scheme;
    std::string authority;
    std::string name;
  };

  /// True for the schemes that have a resolver of the application's.
  using IsScheme = std::function<bool(std::string_view)>;

  /// INVALID_ARGUMENT quotes `text` and gives the form that is expected.
  static Result<Target> parse(std::string_view text, const IsScheme& is_scheme);

  bool tls() const noexcept { return tls_; }
  /// The name, if it is for a resolver of the application's.
  const std::optional<Name>& name() const noexcept { return name_; }
  /// Empty if there is a name.
  const std::vector<Place>& places() const noexcept { return places_; }

  /// True if a place has a host name, or there is a name.
  bool needs_resolver() const;

  /// The client's `:authority`: that of the first place, or the name.
  std::string authority() const;
  /// The name that a server's certificate must have unless an address has its own.
  std::string server_name() const;

 private:
  Status add_places(std::string_view text);

  bool tls_ = false;
  std::optional<Name> name_;
  std::vector<Place> places_;
};

}  // namespace ringrpc
