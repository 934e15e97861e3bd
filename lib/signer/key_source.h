/// Where a server's keys come from: files, or made when it starts.
///
///   std::vector<KeySource> sources = default_key_sources();
///   Result<KeySource> one = KeySource::from_file("RSA_PSS_SHA256:/etc/grpcd/rsa.pem");
///   Result<KeyRegistry> keys = make_keys(sources, passphrase);
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/status.h"

#include "signer/guarded_bytes.h"
#include "signer/key_registry.h"

namespace ringrpc {

/// A key that is yet to be had, and what it may be used for.
struct KeySource {
  // Both take a text that may begin with the algorithms that the key is for:
  // "RSA_PSS_SHA256,RSA_PSS_SHA384:"; without them it is for all that it can do. INVALID_ARGUMENT says what
  // would be right.

  /// "[ALGORITHM,...:]FILE".
  static Result<KeySource> from_file(std::string_view text);
  /// "[ALGORITHM,...:]KIND", of rsa2048, rsa3072, rsa4096, p256, p384 and ed25519.
  static Result<KeySource> generated(std::string_view text);

  std::string path;             ///< empty for a key that is made
  KeyKind kind = KeyKind::rsa;  ///< of a key that is made
  unsigned rsa_bits = 0;        ///< likewise
  Algorithms allowed;           ///< empty for all
  std::string named_by{};       ///< what failures of this key begin with: "--key"; may be empty
};

/// One of each: rsa2048, p256, p384 and ed25519.
std::vector<KeySource> default_key_sources();

/// Loads and makes keys, several at a time, each on a GuardedThread; `passphrase` is for the encrypted ones
/// and may be empty. The registry has them in the order of `sources`. Fails with the first failure in that
/// order: see `read_key_file`, `signer_from` and `KeyHeap::prepare`.
Result<KeyRegistry> make_keys(std::span<const KeySource> sources, const GuardedBytes& passphrase);

}  // namespace ringrpc
