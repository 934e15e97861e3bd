#include "rpc/policy/bearer_credentials.h"

#include <algorithm>

namespace ringrpc {

std::optional<std::string_view> bearer_token(std::string_view credentials) noexcept {
  constexpr std::string_view scheme = "bearer ";
  const auto same_letter = [](char given, char wanted) { return (given | 0x20) == (wanted | 0x20); };
  if (credentials.size() <= scheme.size() ||
      !std::ranges::equal(credentials.substr(0, scheme.size()), scheme, same_letter))
    return std::nullopt;
  return credentials.substr(scheme.size());
}

bool names_method_of(const std::vector<std::string>& services, std::string_view method) noexcept {
  return std::ranges::any_of(services, [&](std::string_view service) {
    return method.size() > service.size() + 1 && method.substr(1).starts_with(service) &&
           method[service.size() + 1] == '/';
  });
}

}  // namespace ringrpc
