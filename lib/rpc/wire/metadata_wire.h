/// Converts custom metadata to and from header fields: "-bin" values are base64 on the wire.
#pragma once

#include <algorithm>
#include <deque>
#include <span>
#include <string>
#include <string_view>

#include "ringrpc/metadata.h"

#include "http2/header.h"

namespace ringrpc {

/// The pushback: the time to wait before a retry (gRFC A6, "Pushback"). No other name that begins with
/// "grpc-" belongs to the application.
inline constexpr std::string_view pushback_name = "grpc-retry-pushback-ms";

/// Appends `metadata` to `headers`. Encoded values live in `storage`; names and other values live in
/// `metadata`.
void append_metadata(const Metadata& metadata, http2::Headers& headers, std::deque<std::string>& storage);

/// False if there is no custom metadata among `headers`, as in most responses. Much
/// faster than `read_metadata`.
inline bool may_have_metadata(std::span<const http2::Header> headers) noexcept {
  using namespace std::string_view_literals;
  return std::ranges::any_of(headers, [](const http2::Header& header) {
    const bool of_protocol =
        header.name.starts_with(':') || header.name.starts_with("grpc-"sv) || header.name == "content-type"sv;
    return !of_protocol || header.name.size() == pushback_name.size();
  });
}

/// The custom metadata among `headers`: all fields except pseudo-headers and those of gRPC and HTTP. INTERNAL
/// if a "-bin" value is not base64.
Result<Metadata> read_metadata(std::span<const http2::Header> headers);

/// True if values of this name are any bytes.
inline bool is_binary(std::string_view name) noexcept { return name.ends_with("-bin"); }

/// The values of one name, which is not binary, in the custom metadata among `headers`. Valid as long as they are.
FoundMetadata find_text(std::span<const http2::Header> headers, std::string_view name) noexcept;

}  // namespace ringrpc
