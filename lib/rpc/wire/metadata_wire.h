/// Converts custom metadata to and from header fields: "-bin" values are base64 on the wire.
#pragma once

#include <deque>
#include <span>
#include <string>

#include "ringrpc/metadata.h"

#include "http2/header.h"

namespace ringrpc {

/// Appends `metadata` to `headers`. Encoded values live in `storage`; names and other values live in
/// `metadata`.
void append_metadata(const Metadata& metadata, http2::Headers& headers, std::deque<std::string>& storage);

/// The custom metadata among `headers`: all fields except pseudo-headers and those of gRPC and HTTP. INTERNAL
/// if a "-bin" value is not base64.
Result<Metadata> read_metadata(std::span<const http2::Header> headers);

}  // namespace ringrpc
