/// Compresses and restores single messages, with zlib and zstd.
///
///   std::vector<std::uint8_t> small;
///   compress(Compression::gzip, message, small);
///
///   std::vector<std::uint8_t> message;
///   if (Status status = decompress(Compression::gzip, small, limit, message); !status.ok()) return status;
///
/// Every message stands alone: no state goes from one to the next. Each thread keeps the libraries' working
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

/// Replaces `to` by what `message` was before it was compressed. RESOURCE_EXHAUSTED when that is more than
/// `max_bytes`, no more than twice of which is ever allocated; INTERNAL when it is not such data or has
/// something behind it, and for `identity`, which no message is compressed with.
Status decompress(Compression how, Bytes message, std::size_t max_bytes, std::vector<std::uint8_t>& to);

}  // namespace ringrpc
