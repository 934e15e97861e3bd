/// Ed25519 by libsodium. The key is in read-only guarded memory.
#pragma once

#include "signer/guarded_bytes.h"
#include "signer/signer.h"

namespace ringrpc {

class Ed25519Signer final : public Signer {
 public:
  /// Makes a signer from the 32-byte seed of RFC 8032, section 5.1.5. INTERNAL if the seed does not give
  /// `key`.
  static Result<std::unique_ptr<Signer>> make(const GuardedBytes& seed, PublicKey key, Algorithms algorithms);

 private:
  Ed25519Signer(GuardedBytes secret, PublicKey key, Algorithms algorithms) noexcept
      : Signer(std::move(key), algorithms), secret_(std::move(secret)) {}
  Result<std::string> do_sign(Algorithm algorithm, Bytes input) const override;

  GuardedBytes secret_;  ///< the seed followed by the public key, libsodium's form
};

}  // namespace ringrpc
