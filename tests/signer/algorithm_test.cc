#include "signer/algorithm.h"

#include <doctest/doctest.h>

namespace ringrpc {
namespace {

TEST_CASE("every algorithm is found by its name, and only by that") {
  for (const Algorithm algorithm : every_algorithm) CHECK(algorithm_named(name(algorithm)) == algorithm);
  CHECK_FALSE(algorithm_named("rsa_pss_sha256"));
  CHECK_FALSE(algorithm_named("RSA_PSS"));
  CHECK_FALSE(algorithm_named(""));
}

TEST_CASE("a set has the added algorithms, in the order of the enumeration") {
  Algorithms some;
  CHECK(some.empty());
  some.add(Algorithm::rsa_pss_sha512);
  some.add(Algorithm::rsa_pkcs1_sha384);
  CHECK(some.contains(Algorithm::rsa_pss_sha512));
  CHECK_FALSE(some.contains(Algorithm::rsa_pss_sha256));
  CHECK(some.first() == Algorithm::rsa_pkcs1_sha384);
  CHECK(some.names() == "RSA_PKCS1_SHA384, RSA_PSS_SHA512");
  CHECK(some.both(algorithms_of(KeyKind::rsa)) == some);
  CHECK(some.both(algorithms_of(KeyKind::p256)).empty());
}

TEST_CASE("each kind of key has the algorithms for it") {
  CHECK(
      algorithms_of(KeyKind::rsa).names() ==
      "RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512");
  CHECK(algorithms_of(KeyKind::p256).names() == "ECDSA_P256_SHA256");
  CHECK(algorithms_of(KeyKind::p384).names() == "ECDSA_P384_SHA384");
  CHECK(algorithms_of(KeyKind::ed25519).names() == "ED25519");
}

TEST_CASE("a digest is as long as its algorithm's hash") {
  CHECK(digest_bytes(hash_of(Algorithm::rsa_pss_sha256)) == 32);
  CHECK(digest_bytes(hash_of(Algorithm::ecdsa_p384_sha384)) == 48);
  CHECK(digest_bytes(hash_of(Algorithm::rsa_pkcs1_sha512)) == 64);
  CHECK(hash_of(Algorithm::ed25519) == Hash::none);
}

}  // namespace
}  // namespace ringrpc
