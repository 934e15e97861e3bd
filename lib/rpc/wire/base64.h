/// Base64 of "-bin" metadata (RFC 4648, section 4): written without padding, read with or without.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ringrpc {

std::string base64_encode(std::string_view octets);

/// Nothing when `text` is not base64.
std::optional<std::string> base64_decode(std::string_view text);

/// How many values a list holds whose commas separate them, and all of which base64_decode would take; else
/// nothing. One pass, nothing is decoded.
std::optional<std::size_t> count_base64_values(std::string_view list) noexcept;

}  // namespace ringrpc
