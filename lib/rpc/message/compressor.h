/// Compresses and decompresses single messages with zlib and zstd.
///
///   std::vector<std::uint8_t> small;
///   compress(Compression::gzip, message, small);
///
///   std::vector<std::uint8_t> message;
///   if (Status status = decompress(Compression::gzip, small, limit, message); !status.ok()) return status;
///
/// Every message stands alone: no state carries over to the next. Each thread keeps the libraries' working
/// memory between messages; a peer cannot make it larger than the windows below.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ringrpc/bytes.h"
#include "ringrpc/compression.h"
#include "ringrpc/status.h"

namespace ringrpc {

/// Appends the compressed `message` to `to`.
void compress(Compression how, Bytes message, std::vector<std::uint8_t>& to);

/// Replaces `to` by the decompressed `message`. RESOURCE_EXHAUSTED if it exceeds `max_bytes`; at most twice
/// that is ever allocated. INTERNAL if the data is invalid or has extra bytes at its end, and for `identity`,
/// which no message is compressed with.
Status decompress(Compression how, Bytes message, std::size_t max_bytes, std::vector<std::uint8_t>& to);

}  // namespace ringrpc
