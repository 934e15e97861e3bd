#include "transport/address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <optional>
#include <sys/un.h>

#include "transport/vsock_address.h"

namespace ringrpc {
namespace {

constexpr std::string_view unix_prefix = "unix:";
constexpr std::string_view tcp_prefix = "tcp://";
constexpr std::string_view abstract_prefix = "unix-abstract:";
constexpr std::string_view vsock_prefix = "vsock:";
constexpr std::string_view any_cid = "any";
constexpr std::string_view hybrid_prefix = "hvsock:";
constexpr std::string_view systemd_name = "systemd";
constexpr std::string_view systemd_prefix = "systemd:";
constexpr std::string_view descriptor_prefix = "fd:";
constexpr std::string_view forms =
    "want host:port, [v6]:port, unix:/path, unix-abstract:name, vsock:CID:port or hvsock:///path:port";
constexpr std::string_view vsock_forms =
    "want vsock:CID:port, where the CID is a number, any, local or host, and the port a number";
constexpr std::string_view hybrid_forms = "want hvsock:///path:port, where the port is a number";
constexpr std::string_view descriptor_forms = "want fd:N, where N is the number of a socket that listens";
constexpr std::size_t max_path_bytes = sizeof(sockaddr_un::sun_path) - 1;

/// True if a host and its port, without a scheme, would be read as another form.
bool reads_as_another_form(std::string_view host_and_port) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{unix_prefix, abstract_prefix, vsock_prefix, hybrid_prefix,
                                              systemd_prefix, descriptor_prefix, tls_prefix},
      [&](std::string_view prefix) { return host_and_port.starts_with(prefix); });
}

std::unexpected<Status> bad(std::string_view why) { return fail(Code::INVALID_ARGUMENT, std::string(why)); }

template <class Port = std::uint16_t>
std::optional<Port> parse_port(std::string_view text) {
  Port port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return port;
}

SocketAddress from_sockaddr(const void* address, socklen_t length) {
  SocketAddress result;
  std::memcpy(&result.storage, address, length);
  result.length = length;
  return result;
}

SocketAddress ipv4(in_addr host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr = host;
  address.sin_port = htons(port);
  return from_sockaddr(&address, sizeof address);
}

SocketAddress ipv6(const in6_addr& host, std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = host;
  address.sin6_port = htons(port);
  return from_sockaddr(&address, sizeof address);
}

/// The addresses that need no resolver; empty for other names.
std::vector<SocketAddress> literal(const Address& address) {
  const std::string& host = address.name();
  const auto port = static_cast<std::uint16_t>(address.port());
  if (const std::optional<SocketAddress> number = parse_ip(host, port)) return {*number};
  if (host == "localhost") return {ipv4({htonl(INADDR_LOOPBACK)}, port), ipv6(in6addr_loopback, port)};
  return {};
}

Cause cause_of_lookup(int error) noexcept {
  switch (error) {
    case EAI_NONAME:
#ifdef EAI_NODATA
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
#endif
      return Cause::unknown_name;
    case EAI_AGAIN:
    case EAI_FAIL:
      return Cause::lookup_failed;
    default:
      return Cause::other;
  }
}

Result<std::vector<SocketAddress>> ask_resolver(const Address& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(address.name().c_str(), std::to_string(address.port()).c_str(), &hints, &found);
  if (error == EAI_SYSTEM) return std::unexpected(from_errno("resolve " + address.name(), errno));
  if (error != 0)
    return std::unexpected(Status(Code::UNAVAILABLE, "resolve " + address.name() + ": " + gai_strerror(error),
                                  Initiator::library)
                               .with_cause(cause_of_lookup(error)));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* at = found; at; at = at->ai_next)
    addresses.push_back(from_sockaddr(at->ai_addr, at->ai_addrlen));
  return addresses;
}

SocketAddress unix_address(const Address& address) {
  sockaddr_un unix{};
  unix.sun_family = AF_UNIX;
  const bool abstract = address.kind() == Address::Kind::unix_abstract;
  std::memcpy(unix.sun_path + (abstract ? 1 : 0), address.name().data(), address.name().size());
  const std::size_t length = offsetof(sockaddr_un, sun_path) + address.name().size() + 1;
  return from_sockaddr(&unix, static_cast<socklen_t>(length));
}

std::string unix_to_string(const SocketAddress& address) {
  sockaddr_un unix{};
  std::memcpy(&unix, &address.storage, std::min<std::size_t>(address.length, sizeof unix));
  const std::size_t named =
      address.length - std::min<std::size_t>(address.length, offsetof(sockaddr_un, sun_path));
  if (named == 0) return std::string(unix_prefix);
  if (unix.sun_path[0] == '\0')
    return std::string(abstract_prefix) + std::string(unix.sun_path + 1, named - 1);
  return std::string(unix_prefix) + std::string(unix.sun_path, strnlen(unix.sun_path, named));
}

/// OK if a client can connect to the address.
Status check_target(const Address& address) {
  std::string why;
  if (address.kind() == Address::Kind::systemd || address.kind() == Address::Kind::descriptor)
    why = " is for servers to listen on; a client cannot connect to it";
  if (address.kind() == Address::Kind::vsock && address.name() == any_cid)
    why = ": any is for servers; use local, host or a number";
  if (why.empty()) return {};
  return Status(Code::INVALID_ARGUMENT, address.to_string() + why, Initiator::application);
}

}  // namespace

std::optional<SocketAddress> parse_ip(const std::string& host, std::uint16_t port) {
  in_addr four{};
  in6_addr six{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return ipv4(four, port);
  if (inet_pton(AF_INET6, host.c_str(), &six) == 1) return ipv6(six, port);
  return std::nullopt;
}

std::optional<Address> Address::parse_inherited(std::string_view text) {
  if (text == systemd_name) return Address(Kind::systemd, {}, 0);
  if (text.starts_with(systemd_prefix))
    return Address(Kind::systemd, std::string(text.substr(systemd_prefix.size())), 0);
  if (!text.starts_with(descriptor_prefix)) return std::nullopt;
  const auto fd = parse_port<std::uint32_t>(text.substr(descriptor_prefix.size()));
  if (!fd || *fd > std::numeric_limits<int>::max()) return std::nullopt;
  return of_descriptor(*fd);
}

Result<Address> Address::parse_vsock(std::string_view text) {
  std::string_view rest = text.substr(vsock_prefix.size());
  if (rest.starts_with("//")) rest.remove_prefix(2);
  const std::size_t colon = rest.find(':');
  if (colon == std::string_view::npos) return bad(vsock_forms);
  const std::optional<std::uint32_t> cid = parse_cid(rest.substr(0, colon));
  const std::optional<std::uint32_t> port = parse_port<std::uint32_t>(rest.substr(colon + 1));
  if (!cid || !port) return bad(vsock_forms);
  return Address(Kind::vsock, cid_name(*cid), *port);
}

Result<Address> Address::parse_hybrid_vsock(std::string_view text) {
  std::string_view rest = text.substr(hybrid_prefix.size());
  if (rest.starts_with("//")) rest.remove_prefix(2);
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return bad(hybrid_forms);
  const std::optional<std::uint32_t> port = parse_port<std::uint32_t>(rest.substr(colon + 1));
  if (!port) return bad(hybrid_forms);
  Address address(Kind::hybrid_vsock, std::string(rest.substr(0, colon)), *port);
  if (address.bound().name().size() > max_path_bytes)
    return bad("the path with _port is longer than the " + std::to_string(max_path_bytes) +
               " bytes of a unix socket");
  return address;
}

Result<Address> Address::parse(std::string_view text) {
  Result<Address> address = parse_form(text);
  if (address) return address;
  return fail(Code::INVALID_ARGUMENT,
              "address \"" + std::string(text) + "\": " + std::string(address.error().message()),
              Initiator::application);
}

Result<Address> Address::parse_form(std::string_view text) {
  if (std::optional<Address> inherited = parse_inherited(text)) return *std::move(inherited);
  if (text.starts_with(descriptor_prefix)) return bad(descriptor_forms);
  if (text.starts_with(vsock_prefix)) return parse_vsock(text);
  if (text.starts_with(hybrid_prefix)) return parse_hybrid_vsock(text);
  if (text.starts_with(tls_prefix)) {
    Result<Address> address = parse_form(text.substr(tls_prefix.size()));
    if (address && address->tls_) return bad("tls+ is given twice");
    return address ? address->with_tls(true) : std::move(address);
  }
  for (const auto& [prefix, kind] :
       {std::pair(unix_prefix, Kind::unix_path), {abstract_prefix, Kind::unix_abstract}}) {
    if (!text.starts_with(prefix)) continue;
    const std::string_view name = text.substr(prefix.size());
    if (name.empty()) return bad("a name must follow the colon");
    if (name.size() > max_path_bytes)
      return bad("the name is longer than the " + std::to_string(max_path_bytes) + " bytes of a unix socket");
    return Address(kind, std::string(name), 0);
  }

  if (text.starts_with(tcp_prefix)) text.remove_prefix(tcp_prefix.size());
  if (text.find("://") != std::string_view::npos)
    return bad("this is a URL; write host:port, without a scheme or a path");
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return bad(forms);
  const std::optional<std::uint16_t> port = parse_port(text.substr(colon + 1));
  if (!port) return bad("the port must be a number from 0 to 65535");
  std::string_view host = text.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    in6_addr six{};
    if (const std::size_t scope = host.find('%'); scope != std::string_view::npos)
      return bad("an IPv6 address with a scope, such as " + std::string(host.substr(scope)) +
                 ", is not supported; give one that is not link-local");
    if (inet_pton(AF_INET6, std::string(host).c_str(), &six) != 1)
      return bad("the text in brackets is not an IPv6 address");
  } else if (host.find(':') != std::string_view::npos) {
    const bool six = host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
    return bad(six ? "an IPv6 address must be in brackets: [::1]:50051" : forms);
  }
  if (host == "*") {
    const std::string at(text.substr(colon));
    return bad("* is not a host; to listen on every address, write 0.0.0.0" + at + " or [::]" + at);
  }
  if (host.find_first_of("/ \t[]") != std::string_view::npos) return bad(forms);
  return Address(Kind::tcp, std::string(host), *port);
}

Result<Address> Address::parse_target(std::string_view text) {
  Result<Address> address = parse(text);
  if (address)
    if (Status status = check_target(*address); !status.ok()) return std::unexpected(std::move(status));
  return address;
}

std::string Address::to_string() const {
  if (tls_) return std::string(tls_prefix) + with_tls(false).to_string();
  switch (kind_) {
    case Kind::unix_path:
      return std::string(unix_prefix) + name_;
    case Kind::unix_abstract:
      return std::string(abstract_prefix) + name_;
    case Kind::vsock:
      return std::string(vsock_prefix) + name_ + ":" + std::to_string(port_);
    case Kind::hybrid_vsock:
      return std::string(hybrid_prefix) + "//" + name_ + ":" + std::to_string(port_);
    case Kind::systemd:
      return std::string(systemd_name) + (name_.empty() ? "" : ":") + name_;
    case Kind::descriptor:
      return std::string(descriptor_prefix) + std::to_string(port_);
    case Kind::tcp:
      break;
  }
  std::string text = host_and_port();
  if (reads_as_another_form(text)) text.insert(0, tcp_prefix);
  return text;
}

std::string Address::host_and_port() const {
  const bool six = name_.find(':') != std::string::npos;
  return (six ? "[" + name_ + "]" : name_) + ":" + std::to_string(port_);
}

std::string Address::authority() const { return kind_ == Kind::tcp ? host_and_port() : "localhost"; }

std::string Address::server_name() const { return kind_ == Kind::tcp ? name_ : "localhost"; }

Address Address::bound() const {
  if (kind_ != Kind::hybrid_vsock) return *this;
  return Address(Kind::unix_path, name_ + "_" + std::to_string(port_), 0);
}

bool resolves_at_once(const Address& address) {
  return address.kind() != Address::Kind::tcp || !literal(address).empty();
}

Result<std::vector<SocketAddress>> resolve(const Address& address) {
  if (address.kind() == Address::Kind::vsock)
    return std::vector{vsock_address(parse_cid(address.name()).value_or(0), address.port())};
  if (address.kind() == Address::Kind::systemd || address.kind() == Address::Kind::descriptor)
    return std::unexpected(check_target(address));
  if (address.kind() != Address::Kind::tcp) return std::vector{unix_address(address)};
  std::vector<SocketAddress> at_once = literal(address);
  if (!at_once.empty()) return at_once;
  return ask_resolver(address);
}

std::string to_string(const SocketAddress& address) {
  char host[INET6_ADDRSTRLEN] = "";
  switch (address.family()) {
    case AF_INET: {
      sockaddr_in four{};
      std::memcpy(&four, &address.storage, sizeof four);
      inet_ntop(AF_INET, &four.sin_addr, host, sizeof host);
      return std::string(host) + ":" + std::to_string(ntohs(four.sin_port));
    }
    case AF_INET6: {
      sockaddr_in6 six{};
      std::memcpy(&six, &address.storage, sizeof six);
      inet_ntop(AF_INET6, &six.sin6_addr, host, sizeof host);
      return "[" + std::string(host) + "]:" + std::to_string(ntohs(six.sin6_port));
    }
    case AF_UNIX:
      return unix_to_string(address);
    case AF_VSOCK:
      return vsock_to_string(address);
    default:
      return "unknown";
  }
}

bool is_local(const std::string& bound) {
  const Result<Address> address = Address::parse(bound);
  if (!address) return false;
  switch (address->kind()) {
    case Address::Kind::unix_path:
    case Address::Kind::unix_abstract:
      return true;
    case Address::Kind::tcp:
      return address->name().starts_with("127.") || address->name() == "::1";
    default:
      return false;
  }
}

}  // namespace ringrpc
