/// The encoding of `grpc-message`: UTF-8 with everything outside 0x20-0x7E, and `%`, as %XX
/// (PROTOCOL-HTTP2.md, "Responses").
#pragma once

#include <string>
#include <string_view>

namespace ringrpc {

/// A space at either end is escaped too, because a field value must not begin or end with one (RFC 9113,
/// 8.2.1).
std::string percent_encode(std::string_view text);

/// Never fails: an invalid escape is copied unchanged.
std::string percent_decode(std::string_view text);

}  // namespace ringrpc
