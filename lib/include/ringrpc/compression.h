/// The compression of messages (gRPC's compression.md).
///
///   call.set_compression(Compression::gzip);      // of a server's response, if the client accepts it
///   options.compression = Compression::zstd;      // of a client's requests
///
/// Each message is compressed by itself, and only if that makes it smaller. Received messages are
/// decompressed without further settings. Size limits apply to the decompressed message.
#pragma once

#include "ringrpc/compiler.h"

#include <cstdint>
#include <optional>
#include <string_view>

#include "ringrpc/export.h"

namespace ringrpc {

/// A message encoding of gRPC.
enum class Compression : std::uint8_t { identity, gzip, deflate, zstd };

/// All names, as a `grpc-accept-encoding` field lists them.
inline constexpr std::string_view compression_names = "identity,gzip,deflate,zstd";

/// The name in a `grpc-encoding` field: "gzip".
RINGRPC_EXPORT std::string_view name(Compression compression) noexcept;
/// The encoding of that name; nothing for a name that is not in `compression_names`.
RINGRPC_EXPORT std::optional<Compression> parse_compression(std::string_view name) noexcept;

}  // namespace ringrpc
