/// Base64 of "-bin" metadata (RFC 4648, section 4): written without padding, read with or without.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ringrpc {

std::string base64_encode(std::string_view bytes);

/// Nothing if `text` is not base64.
std::optional<std::string> base64_decode(std::string_view text);

/// The number of values in a comma-separated list, if base64_decode would take each of them; else nothing.
/// Makes one pass and decodes nothing.
std::optional<std::size_t> count_base64_values(std::string_view list) noexcept;

}  // namespace ringrpc
