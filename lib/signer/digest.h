/// Digests of SHA-2 (FIPS 180-4).
///
///   Result<Digest> digest = digest_of(Hash::sha256, data);
///   hex(digest->bytes());
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ringrpc/bytes.h"
#include "ringrpc/status.h"

#include "signer/algorithm.h"

namespace ringrpc {

struct Digest {
  std::array<std::uint8_t, 64> storage{};
  std::size_t size = 0;

  /// Valid as long as this object.
  Bytes bytes() const noexcept { return {storage.data(), size}; }
};

/// The digest of `data`; `hash` must not be `none`. INTERNAL if OpenSSL is out of memory.
Result<Digest> digest_of(Hash hash, Bytes data);

/// Two hexadecimal digits for each byte, in lower case.
std::string hex(Bytes bytes);

}  // namespace ringrpc
