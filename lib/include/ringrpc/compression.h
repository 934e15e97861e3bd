/// How messages are made smaller on their way (gRPC's compression.md).
///
///   call.set_compression(Compression::gzip);      // of a server's answer, where the caller takes it
///   options.compression = Compression::zstd;      // of a client's requests
///
/// Each message is compressed by itself, and only when that makes it smaller. What comes compressed is
/// understood without asking; limits on a message's size hold for what comes out.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ringrpc {

/// How messages are compressed.
enum class Compression : std::uint8_t { identity, gzip, deflate, zstd };

/// Every name, in the form of a `grpc-accept-encoding` field.
inline constexpr std::string_view compression_names = "identity,gzip,deflate,zstd";

/// As in `grpc-encoding`: "gzip".
std::string_view name(Compression compression) noexcept;
/// Nothing for a name that is not one of `compression_names`.
std::optional<Compression> parse_compression(std::string_view name) noexcept;

}  // namespace ringrpc
