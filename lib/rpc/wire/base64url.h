/// Base64url without padding, as JOSE has it (RFC 7515, section 2): one text for each sequence of bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringrpc {

/// Nothing for padding, for characters outside of the alphabet, and for bits after the last byte.
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace ringrpc
