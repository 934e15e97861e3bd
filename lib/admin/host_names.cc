#include "admin/host_names.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>

#include "http1/characters.h"
#include "http1/request.h"
#include "transport/address.h"

namespace ringrpc::admin {
namespace {

constexpr http1::ByteSet name_bytes = http1::alphanumeric_and("-._");

/// Without its port, the brackets of an IPv6 address and the dot of the root.
std::string_view without_port(std::string_view host) noexcept {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  host = host.substr(0, host.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool is_ip_address(std::string_view host) noexcept {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (host.size() >= text.size()) return false;
  std::ranges::copy(host, text.begin());
  in6_addr address;
  return ::inet_pton(AF_INET, text.data(), &address) == 1 ||
         ::inet_pton(AF_INET6, text.data(), &address) == 1;
}

}  // namespace

Status check_host_name(std::string_view name) {
  const auto is_part = [](char c) { return name_bytes[static_cast<unsigned char>(c)]; };
  if (!name.empty() && std::ranges::all_of(name, is_part)) return {};
  return Status(Code::INVALID_ARGUMENT,
                "host \"" + std::string(name) + "\": give a name without a port, such as web1.example.com",
                Initiator::application);
}

HostNames::HostNames(std::span<const std::string> listen, std::span<const std::string> more)
    : names_(more.begin(), more.end()) {
  names_.emplace_back("localhost");
  for (const std::string& text : listen)
    if (const Result<Address> address = Address::parse(text);
        address && address->kind() == Address::Kind::tcp)
      names_.push_back(address->name());
}

bool HostNames::serve(std::string_view host) const noexcept {
  const std::string_view name = without_port(host);
  return name.empty() || is_ip_address(name) ||
         std::ranges::any_of(names_, [&](const std::string& each) { return http1::same_name(each, name); });
}

}  // namespace ringrpc::admin
