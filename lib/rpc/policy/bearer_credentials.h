/// Parts of interceptors that read bearer tokens (RFC 6750).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringrpc {

/// The token of `Bearer <token>`; the scheme's letters may be of any case (RFC 9110, 11.1).
std::optional<std::string_view> bearer_token(std::string_view credentials) noexcept;

/// True if `method`, "/package.Service/Method", is of one of `services`.
bool names_method_of(const std::vector<std::string>& services, std::string_view method) noexcept;

}  // namespace ringrpc
