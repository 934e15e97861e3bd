/// Ed25519, by libsodium. The key lies in read-only guarded memory.
#pragma once

#include "signer/guarded_bytes.h"
#include "signer/signer.h"

namespace ringrpc {

class Ed25519Signer final : public Signer {
 public:
  /// From the 32 bytes of RFC 8032, section 5.1.5. INTERNAL when they do not give `key`.
  static Result<std::unique_ptr<Signer>> make(const GuardedBytes& seed, PublicKey key, Algorithms algorithms);

 private:
  Ed25519Signer(GuardedBytes secret, PublicKey key, Algorithms algorithms) noexcept
      : Signer(std::move(key), algorithms), secret_(std::move(secret)) {}
  Result<std::string> do_sign(Algorithm algorithm, Bytes input) const override;

  GuardedBytes secret_;  ///< the seed and the public key, as libsodium has it
};

}  // namespace ringrpc
