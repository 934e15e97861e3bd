#include "signer/ed25519_signer.h"

#include <algorithm>
#include <array>
#include <sodium.h>

namespace ringrpc {

Result<std::unique_ptr<Signer>> Ed25519Signer::make(const GuardedBytes& seed, PublicKey key,
                                                    Algorithms algorithms) {
  Result<GuardedBytes> secret = GuardedBytes::make(crypto_sign_SECRETKEYBYTES);
  if (!secret) return std::unexpected(std::move(secret).error());
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> made{};
  if (seed.size() != crypto_sign_SEEDBYTES ||
      crypto_sign_seed_keypair(made.data(), secret->writable().data(), seed.bytes().data()) != 0 ||
      !std::ranges::equal(made, key.spki().last(made.size())))
    return fail(Code::INTERNAL, "libsodium and OpenSSL differ about an Ed25519 key", Initiator::library);
  secret->make_read_only();
  return std::unique_ptr<Signer>(new Ed25519Signer(std::move(*secret), std::move(key), algorithms));
}

Result<std::string> Ed25519Signer::do_sign(Algorithm, Bytes input) const {
  std::string signature(crypto_sign_BYTES, '\0');
  if (crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr, input.data(),
                           input.size(), secret_.bytes().data()) != 0)
    return fail(Code::INTERNAL, "libsodium failed to sign", Initiator::library);
  return signature;
}

}  // namespace ringrpc
