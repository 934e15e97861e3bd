/// The hosts that requests to a TCP address may name in Host or :authority.
///
///   HostNames names(options.listen, options.hosts);
///   names.serve("127.0.0.1:9901");  // true
///   names.serve("evil.example");    // false
///
/// A web page can have the name of its own site resolve to the address of these pages (DNS rebinding). For the
/// browser that shows it, the pages are then on that site, and its scripts may read them. Such a request names
/// that site. So only names are served that its owner cannot have: IP addresses, "localhost", and the names
/// that the operator gives.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/status.h"

namespace ringrpc::admin {

/// INVALID_ARGUMENT unless `name` is a host name without a port.
Status check_host_name(std::string_view name);

class HostNames {
 public:
  /// `listen` are addresses, whose host names are served, and `more` have passed `check_host_name`.
  HostNames(std::span<const std::string> listen, std::span<const std::string> more);

  /// `host` may have a port, which may be any: the client's, of a port that is forwarded. No host at all is
  /// served, because every browser names one.
  bool serve(std::string_view host) const noexcept;

 private:
  std::vector<std::string> names_;
};

}  // namespace ringrpc::admin
