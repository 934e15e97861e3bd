/// A private key that signs and cannot be exported.
///
///   const Signer* signer = registry.with_algorithm(Algorithm::rsa_pss_sha256);
///   Result<std::string> signature = signer->sign(Algorithm::rsa_pss_sha256, digest);
///   signer->public_key().verify(Algorithm::rsa_pss_sha256, digest, as_bytes(*signature));
///
/// Several threads may call all functions at once.
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
  /// The algorithms that this key may be used with, perhaps fewer than its kind allows. The first is the
  /// default.
  Algorithms algorithms() const noexcept { return algorithms_; }
  Cost cost() const noexcept { return cost_of(public_key_.kind()); }

  /// Signs the digest of a message, or the message itself with an algorithm without a hash. ECDSA
  /// signatures are DER. INVALID_ARGUMENT if the key may not be used with the algorithm, or the digest has
  /// the wrong length. INTERNAL if the cryptography fails.
  Result<std::string> sign(Algorithm algorithm, Bytes input) const;

 protected:
  Signer(PublicKey key, Algorithms algorithms) noexcept
      : public_key_(std::move(key)), algorithms_(algorithms) {}

 private:
  /// Signs checked arguments.
  virtual Result<std::string> do_sign(Algorithm algorithm, Bytes input) const = 0;

  PublicKey public_key_;
  Algorithms algorithms_;
};

}  // namespace ringrpc
