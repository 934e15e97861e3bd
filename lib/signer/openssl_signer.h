/// RSA and ECDSA by OpenSSL. RSA signatures are blinded. ECDSA's nonces come from OpenSSL's private random
/// generator.
#pragma once

#include <array>
#include <mutex>
#include <vector>

#include "signer/openssl_algorithms.h"
#include "signer/signer.h"

namespace ringrpc {

class OpensslSigner final : public Signer {
 public:
  OpensslSigner(openssl::Owned<EVP_PKEY> key, PublicKey public_key, Algorithms algorithms) noexcept
      : Signer(std::move(public_key), algorithms), key_(std::move(key)) {}

 private:
  Result<std::string> do_sign(Algorithm algorithm, Bytes input) const override;

  using Context = openssl::Owned<EVP_PKEY_CTX>;
  Result<Context> take_context(Algorithm algorithm) const;
  void give_back(Algorithm algorithm, Context context) const;

  openssl::Owned<EVP_PKEY> key_;
  // Prepared contexts, as many as were ever in use at once. Preparing one costs a quarter of a P-256
  // signature, the lock a thousandth.
  mutable std::mutex mutex_;
  mutable std::array<std::vector<Context>, every_algorithm.size()> idle_;
};

}  // namespace ringrpc
