/// The sources of a server's keys: files, or generation at start.
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

/// A key to load or generate, and the algorithms that it may be used with.
struct KeySource {
  // Both texts may begin with the algorithms that the key is for: "RSA_PSS_SHA256,RSA_PSS_SHA384:". Without
  // them the key is for all algorithms of its kind. INVALID_ARGUMENT says what would be right.

  /// "[ALGORITHM,...:]FILE".
  static Result<KeySource> from_file(std::string_view text);
  /// "[ALGORITHM,...:]KIND" with KIND one of rsa2048, rsa3072, rsa4096, p256, p384 and ed25519.
  static Result<KeySource> generated(std::string_view text);

  std::string path;             ///< empty for a generated key
  KeyKind kind = KeyKind::rsa;  ///< of a generated key
  unsigned rsa_bits = 0;        ///< of a generated RSA key
  Algorithms allowed;           ///< empty for all
  std::string named_by{};       ///< the beginning of this key's errors: "--key"; may be empty
};

/// One generated key of each kind: rsa2048, p256, p384 and ed25519.
std::vector<KeySource> default_key_sources();

/// Loads and generates keys, several at a time, each on a GuardedThread. `passphrase` is for encrypted keys
/// and may be empty. The registry has the keys in the order of `sources`. Returns the first error in that
/// order: see `read_key_file`, `signer_from` and `KeyHeap::prepare`.
Result<KeyRegistry> make_keys(std::span<const KeySource> sources, const GuardedBytes& passphrase);

}  // namespace ringrpc
