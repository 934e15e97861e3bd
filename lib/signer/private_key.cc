#include "signer/private_key.h"

#include <array>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <string>
#include <utility>

#include "signer/ed25519_signer.h"
#include "signer/guarded_bytes.h"
#include "signer/openssl_signer.h"

namespace ringrpc {

namespace {

Status check_rsa_size(const PublicKey& key) {
  if (key.kind() != KeyKind::rsa) return {};
  if (key.bits() >= rsa_bits_min && key.bits() <= rsa_bits_max) return {};
  return fail(Code::INVALID_ARGUMENT, "an RSA key of " + std::to_string(key.bits()) + " bits is " +
                                          (key.bits() < rsa_bits_min ? "too weak" : "too slow") + "; use " +
                                          std::to_string(rsa_bits_min) + " to " +
                                          std::to_string(rsa_bits_max));
}

/// "65537", or "of 96 bits" for an exponent above 64 bits.
std::string describe(const BIGNUM& exponent) {
  if (BN_num_bits(&exponent) > 64) return "of " + std::to_string(BN_num_bits(&exponent)) + " bits";
  return std::to_string(BN_get_word(&exponent));
}

Status check_rsa_exponent(EVP_PKEY* key) {
  if (!EVP_PKEY_is_a(key, "RSA")) return {};
  BIGNUM* found = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &found) != 1)
    return openssl_failure("give a key's public exponent");
  const openssl::Owned<BIGNUM> exponent(found);
  const bool even = BN_is_odd(exponent.get()) == 0;
  if (!even && BN_get_word(exponent.get()) >= rsa_exponent_min) return {};  // the maximum on overflow
  return fail(Code::INVALID_ARGUMENT, "an RSA key with the public exponent " + describe(*exponent) +
                                          (even ? " is not valid, because it is even" : " is too weak") +
                                          "; use " + std::to_string(rsa_exponent_min) +
                                          ", as `openssl genpkey -algorithm RSA` does");
}

/// Stores a known curve by its name, even if the key's file has its parameters: RFC 5480 allows only names.
/// OpenSSL finds the name only if all parameters are equal.
Status call_curve_by_name(EVP_PKEY* key) {
  if (!EVP_PKEY_is_a(key, "EC")) return {};
  std::array<char, 64> curve{};
  const bool named = EVP_PKEY_get_group_name(key, curve.data(), curve.size(), nullptr) == 1;
  ERR_clear_error();
  if (!named ||
      EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_GROUP) == 1)
    return {};
  return openssl_failure("call a key's curve by its name");
}

/// Checks that the numbers of the key belong together: prime factors, matching exponents, and a point that
/// is the scalar's.
Status check_consistent(EVP_PKEY* key) {
  const openssl::Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key, nullptr));
  if (context && EVP_PKEY_check(context.get()) == 1) return {};
  ERR_clear_error();
  return fail(Code::INVALID_ARGUMENT,
              "the numbers of the key do not belong together: it is damaged or forged");
}

Result<std::unique_ptr<Signer>> ed25519_signer(EVP_PKEY* key, PublicKey public_key, Algorithms algorithms) {
  Result<GuardedBytes> seed = GuardedBytes::make(32);
  if (!seed) return std::unexpected(std::move(seed).error());
  std::size_t size = seed->size();
  if (EVP_PKEY_get_raw_private_key(key, seed->writable().data(), &size) <= 0 || size != seed->size())
    return std::unexpected(openssl_failure("give an Ed25519 key"));
  return Ed25519Signer::make(*seed, std::move(public_key), algorithms);
}

/// Makes OpenSSL compute now, in guarded memory, the values that it keeps for later signatures.
Status check_signs(const Signer& signer) {
  static constexpr std::array<std::uint8_t, 64> input{};
  for (const Algorithm algorithm : every_algorithm) {
    if (!signer.algorithms().contains(algorithm)) continue;
    const Bytes digest = Bytes(input).first(digest_bytes(hash_of(algorithm)));
    const Result<std::string> signature = signer.sign(algorithm, digest);
    if (!signature) return signature.error();
    if (Status status = signer.public_key().verify(algorithm, digest, as_bytes(*signature)); !status.ok())
      return fail(Code::INTERNAL, "a new signature does not verify: " + std::string(status.message()));
  }
  return {};
}

}  // namespace

Status check_usable(KeyKind kind, Algorithms allowed) {
  const Algorithms possible = algorithms_of(kind);
  if (allowed.both(possible) == allowed) return {};
  return fail(Code::INVALID_ARGUMENT, "a key of type " + std::string(name(kind)) +
                                          " cannot be used with all of " + allowed.names() +
                                          "; choose among " + possible.names());
}

Result<std::unique_ptr<Signer>> signer_from(openssl::Owned<EVP_PKEY> key, Algorithms allowed) {
  if (Status status = call_curve_by_name(key.get()); !status.ok()) return std::unexpected(std::move(status));
  Result<PublicKey> public_key = PublicKey::of(key.get());
  if (!public_key) return std::unexpected(std::move(public_key).error());
  if (Status status = check_rsa_size(*public_key); !status.ok()) return std::unexpected(std::move(status));
  if (Status status = check_rsa_exponent(key.get()); !status.ok()) return std::unexpected(std::move(status));
  if (Status status = check_consistent(key.get()); !status.ok()) return std::unexpected(std::move(status));

  if (Status status = check_usable(public_key->kind(), allowed); !status.ok())
    return std::unexpected(std::move(status));
  const Algorithms algorithms = allowed.empty() ? algorithms_of(public_key->kind()) : allowed;

  Result<std::unique_ptr<Signer>> signer;
  if (public_key->kind() == KeyKind::ed25519)
    signer = ed25519_signer(key.get(), std::move(*public_key), algorithms);
  else
    signer = std::make_unique<OpensslSigner>(std::move(key), std::move(*public_key), algorithms);
  if (!signer) return signer;
  if (Status status = check_signs(**signer); !status.ok()) return std::unexpected(std::move(status));
  return signer;
}

}  // namespace ringrpc
