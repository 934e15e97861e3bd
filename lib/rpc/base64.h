/// Base64 of "-bin" metadata (RFC 4648, section 4): written without padding, read with or without.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringrpc {

std::string base64_encode(std::string_view octets);

/// Nothing when `text` is not base64.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace ringrpc
