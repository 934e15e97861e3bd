/// The bytes that header fields may consist of (RFC 9113, 8.2.1, and RFC 9110, 5.5).
#pragma once

#include <string_view>

namespace ringrpc::http2 {

/// A field name as HTTP/2 carries it: a token without upper-case letters, not empty. The colon at the start
/// of a pseudo-header field's name is not part of it.
bool valid_field_name(std::string_view name) noexcept;

/// A field value: no control characters except horizontal tab, and no white space at either end. Bytes from
/// 0x80 on are allowed.
bool valid_field_value(std::string_view value) noexcept;

}  // namespace ringrpc::http2
