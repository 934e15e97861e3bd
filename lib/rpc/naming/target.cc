#include "rpc/naming/target.h"

#include <algorithm>
#include <arpa/inet.h>
#include <utility>

namespace ringrpc {
namespace {

constexpr std::string_view dns_prefix = "dns:";
constexpr std::string_view ipv4_prefix = "ipv4:";
constexpr std::string_view ipv6_prefix = "ipv6:";
constexpr std::uint16_t tls_port = 443;
constexpr std::uint16_t plain_port = 80;
constexpr std::uint16_t dns_port = 53;

std::unexpected<Status> wrong(std::string_view target, std::string_view why) {
  return fail(Code::INVALID_ARGUMENT, std::string("target \"").append(target).append("\": ").append(why),
              Initiator::application);
}

/// "host", "host:port", "[v6]", "[v6]:port" with a port.
std::string with_port(std::string_view host, std::uint16_t port) {
  const bool has_port = !host.ends_with(']') && host.find(':') != std::string_view::npos;
  return has_port ? std::string(host) : std::string(host).append(":").append(std::to_string(port));
}

bool is_literal(const Address& address, int family) {
  unsigned char bytes[sizeof(in6_addr)];
  return address.kind() == Address::Kind::tcp && inet_pton(family, address.name().c_str(), bytes) == 1;
}

/// The text after "dns:".
Result<Target::Place> parse_dns(std::string_view text, std::uint16_t port) {
  std::optional<Address> server;
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos)
      return fail(Code::INVALID_ARGUMENT, "want dns:///host:port or dns://server/host:port");
    if (slash > 0) {
      Result<Address> parsed = Address::parse(with_port(text.substr(0, slash), dns_port));
      if (!parsed || (!is_literal(*parsed, AF_INET) && !is_literal(*parsed, AF_INET6)))
        return fail(Code::INVALID_ARGUMENT, "the name server \"" + std::string(text.substr(0, slash)) +
                                                "\" must be an IP address, with a port or without");
      server = *std::move(parsed);
    }
    text.remove_prefix(slash + 1);
  } else if (text.starts_with('/')) {
    text.remove_prefix(1);
  }
  Result<Address> address = Address::parse_target(with_port(text, port));
  if (!address) return std::unexpected(std::move(address).error());
  if (address->kind() != Address::Kind::tcp)
    return fail(Code::INVALID_ARGUMENT, "a host name must follow dns:");
  return Target::Place{*std::move(address), std::move(server)};
}

/// The text after "ipv4:" or "ipv6:".
Result<Target::Place> parse_literal(std::string_view text, int family, std::uint16_t port) {
  if (text.starts_with("///")) text.remove_prefix(3);
  const bool bare = family == AF_INET6 && !text.starts_with('[');
  const std::string full =
      bare ? with_port(std::string("[").append(text).append("]"), port) : with_port(text, port);
  Result<Address> address = Address::parse_target(full);
  if (!address) return std::unexpected(std::move(address).error());
  if (is_literal(*address, family)) return Target::Place{*std::move(address)};
  return fail(Code::INVALID_ARGUMENT, "\"" + std::string(text) + "\" is not an " +
                                          (family == AF_INET ? "IPv4" : "IPv6") + " address");
}

/// `family` is that of the prefix before the list; AF_UNSPEC if it has none.
Result<Target::Place> parse_place(std::string_view text, int& family, std::uint16_t port) {
  if (text.starts_with(tls_prefix))
    return fail(Code::INVALID_ARGUMENT, "tls+ stands before the whole list, once");
  if (text.starts_with(dns_prefix)) {
    family = AF_UNSPEC;
    return parse_dns(text.substr(dns_prefix.size()), port);
  }
  if (text.starts_with(ipv4_prefix) || text.starts_with(ipv6_prefix)) {
    family = text.starts_with(ipv4_prefix) ? AF_INET : AF_INET6;
    return parse_literal(text.substr(ipv4_prefix.size()), family, port);
  }
  if (text.starts_with("xds:"))
    return fail(
        Code::INVALID_ARGUMENT,
        "there is no xDS here; name the servers, as in dns:///host:port, or give a resolver of your own "
        "for the scheme (ChannelOptions::resolvers)");
  const bool numbers = text.find_first_not_of("0123456789abcdefABCDEF.:[]") == std::string_view::npos;
  if (family != AF_UNSPEC && numbers) return parse_literal(text, family, port);
  family = AF_UNSPEC;
  Result<Address> address = Address::parse_target(text);
  if (!address) return std::unexpected(std::move(address).error());
  return Target::Place{*std::move(address)};
}

}  // namespace

Result<Target> Target::parse(std::string_view text, const IsScheme& is_scheme) {
  Target target;
  std::string_view rest = text;
  if (rest.starts_with(tls_prefix)) {
    target.tls_ = true;
    rest.remove_prefix(tls_prefix.size());
  }
  const std::size_t colon = rest.find(':');
  if (const std::string_view scheme = rest.substr(0, colon);
      colon != std::string_view::npos && is_scheme && is_scheme(scheme)) {
    Name& name = target.name_.emplace();
    name.scheme = scheme;
    rest.remove_prefix(colon + 1);
    if (rest.starts_with("//")) {
      rest.remove_prefix(2);
      name.authority = rest.substr(0, rest.find('/'));
      rest.remove_prefix(name.authority.size());
    }
    if (rest.starts_with('/')) rest.remove_prefix(1);
    name.name = rest;
    if (rest.empty()) return wrong(text, "a name must follow " + name.scheme + ":///");
    return target;
  }
  if (Status status = target.add_places(rest); !status.ok()) {
    // The message about one address names it already, but without the prefix.
    std::string message(status.message());
    const std::size_t at = message.find(rest);
    if (at == std::string::npos) return wrong(text, message);
    return fail(status.code(), message.replace(at, rest.size(), text), status.initiator());
  }
  return target;
}

Status Target::add_places(std::string_view text) {
  int family = AF_UNSPEC;
  for (bool last = false; !last;) {
    const std::size_t comma = text.find(',');
    last = comma == std::string_view::npos;
    Result<Place> place = parse_place(text.substr(0, comma), family, tls_ ? tls_port : plain_port);
    if (!place) return std::move(place).error();
    if (places_.size() == target_places_max)
      return Status(Code::INVALID_ARGUMENT,
                    "it has more than " + std::to_string(target_places_max) + " addresses",
                    Initiator::application);
    places_.push_back(*std::move(place));
    if (!last) text.remove_prefix(comma + 1);
  }
  return {};
}

bool Target::needs_resolver() const { return name_ || std::ranges::any_of(places_, &Place::is_name); }

std::string Target::authority() const { return name_ ? name_->name : places_.front().address.authority(); }

std::string Target::server_name() const {
  if (!name_) return places_.front().address.server_name();
  const Result<Address> address = Address::parse(name_->name);
  return address ? address->server_name() : name_->name;
}

}  // namespace ringrpc
