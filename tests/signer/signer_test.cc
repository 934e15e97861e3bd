#include "signer/signer.h"

#include <doctest/doctest.h>
#include <thread>
#include <vector>

#include "keys.h"
#include "signer/digest.h"

namespace ringrpc {
namespace {

/// The input for a message: its digest, or some text for Ed25519.
std::string input_for(Algorithm algorithm) {
  const std::size_t bytes = digest_bytes(hash_of(algorithm));
  return bytes > 0 ? std::string(bytes, 'd') : "a message";
}

TEST_CASE("new keys sign with all their algorithms, and their public halves verify the signatures") {
  const KeyRegistry keys = new_keys({"rsa2048", "p256", "p384", "ed25519"});
  for (const Algorithm algorithm : every_algorithm) {
    CAPTURE(name(algorithm));
    const Signer* const signer = keys.with_algorithm(algorithm);
    REQUIRE(signer);
    const std::string input = input_for(algorithm);
    const Result<std::string> signature = signer->sign(algorithm, as_bytes(input));
    REQUIRE(signature);
    const Result<PublicKey> key = PublicKey::from_spki(signer->public_key().spki());
    REQUIRE(key);
    CHECK(key->id() == signer->public_key().id());
    CHECK(key->verify(algorithm, as_bytes(input), as_bytes(*signature)).ok());
    std::string other = input;
    other.front() ^= 1;
    CHECK(key->verify(algorithm, as_bytes(other), as_bytes(*signature)).code() == Code::INVALID_ARGUMENT);
  }
}

TEST_CASE("a public key with bytes behind it is refused") {
  const KeyRegistry keys = new_keys({"rsa2048", "p256", "ed25519"});
  for (const auto& signer : keys.all()) {
    CAPTURE(name(signer->public_key().kind()));
    const std::string spki(as_text(signer->public_key().spki()));
    REQUIRE(PublicKey::from_spki(as_bytes(spki)));
    for (const std::string& more : {std::string(1, '\0'), std::string("x"), spki}) {
      const std::string longer = spki + more;
      const Result<PublicKey> key = PublicKey::from_spki(as_bytes(longer));
      REQUIRE_FALSE(key);
      CHECK(key.error().code() == Code::INVALID_ARGUMENT);
    }
  }
}

TEST_CASE("a digest of the wrong length is refused with the right one") {
  const KeyRegistry keys = new_keys({"p256"});
  const Result<std::string> signature = keys.all()[0]->sign(Algorithm::ecdsa_p256_sha256, as_bytes("short"));
  REQUIRE_FALSE(signature);
  CHECK(signature.error().to_string() ==
        "INVALID_ARGUMENT: ECDSA_P256_SHA256 signs a digest of 32 bytes (SHA256), not of 5");
}

TEST_CASE("a key signs only with the algorithms that it is allowed") {
  const KeyRegistry keys = new_keys({"RSA_PSS_SHA256:rsa2048"});
  const Signer& signer = *keys.all()[0];
  CHECK(signer.algorithms().names() == "RSA_PSS_SHA256");
  const std::string digest(32, 'd');
  CHECK(signer.sign(Algorithm::rsa_pss_sha256, as_bytes(digest)));
  const Result<std::string> other = signer.sign(Algorithm::rsa_pkcs1_sha256, as_bytes(digest));
  REQUIRE_FALSE(other);
  CHECK(other.error().code() == Code::INVALID_ARGUMENT);
  CHECK(other.error().message() ==
        "key " + signer.public_key().id() + " is not for RSA_PKCS1_SHA256; use RSA_PSS_SHA256");
}

TEST_CASE("one key serves several threads") {
  const KeyRegistry keys = new_keys({"rsa2048", "p256", "ed25519"});
  std::vector<int> good(4);
  {
    std::vector<std::jthread> threads;
    for (int& count : good) {
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) {
          for (const auto& signer : keys.all()) {
            const Algorithm algorithm = signer->algorithms().first();
            const std::string input = input_for(algorithm);
            const Result<std::string> signature = signer->sign(algorithm, as_bytes(input));
            count += signature &&
                     signer->public_key().verify(algorithm, as_bytes(input), as_bytes(*signature)).ok();
          }
        }
      });
    }
  }
  CHECK(good == std::vector<int>(4, 150));
}

TEST_CASE("P-256 and Ed25519 keys are cheap to sign with, RSA and P-384 keys are not") {
  const KeyRegistry keys = new_keys({"rsa2048", "p256", "p384", "ed25519"});
  CHECK(keys.of_kind(KeyKind::rsa)->cost() == Cost::expensive);
  CHECK(keys.of_kind(KeyKind::p256)->cost() == Cost::cheap);
  CHECK(keys.of_kind(KeyKind::p384)->cost() == Cost::expensive);
  CHECK(keys.of_kind(KeyKind::ed25519)->cost() == Cost::cheap);
}

}  // namespace
}  // namespace ringrpc
