/// A private key that signs and never leaves.
///
///   const Signer* signer = registry.with_algorithm(Algorithm::rsa_pss_sha256);
///   Result<std::string> signature = signer->sign(Algorithm::rsa_pss_sha256, digest);
///   signer->public_key().verify(Algorithm::rsa_pss_sha256, digest, as_bytes(*signature));
///
/// All methods may be called from several threads at once.
#pragma once

#include <string>

#include "ringrpc/bytes.h"
#include "ringrpc/status.h"

#include "signer/algorithm.h"
#include "signer/public_key.h"

namespace ringrpc {

class Signer {
 public:
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;
  virtual ~Signer() = default;

  const PublicKey& public_key() const noexcept { return public_key_; }
  /// What this key may be used for, which may be less than what it could be; the first is its default.
  Algorithms algorithms() const noexcept { return algorithms_; }
  Cost cost() const noexcept { return cost_of(public_key_.kind()); }

  /// Signs the digest of a message, with an algorithm without a hash the message itself. ECDSA gives DER.
  /// INVALID_ARGUMENT for an algorithm that the key may not be used with and for a digest of another length;
  /// INTERNAL when the cryptography fails.
  Result<std::string> sign(Algorithm algorithm, Bytes input) const;

 protected:
  Signer(PublicKey key, Algorithms algorithms) noexcept
      : public_key_(std::move(key)), algorithms_(algorithms) {}

 private:
  /// The arguments have been checked.
  virtual Result<std::string> do_sign(Algorithm algorithm, Bytes input) const = 0;

  PublicKey public_key_;
  Algorithms algorithms_;
};

}  // namespace ringrpc
