// Published test vectors: signatures of other implementations, byte for byte.
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <functional>
#include <sstream>

#include "keys.h"
#include "signer/digest.h"

namespace ringrpc {
namespace {

struct Vector {
  Algorithm algorithm = {};
  std::string key;
  bool valid = false;
  std::string message;
  std::string signature;
};

/// Calls `check` with every signature of a file and returns their number.
std::size_t for_each_vector(const std::string& file, const std::function<void(const Vector&)>& check) {
  const char* folder = std::getenv("VECTORS");
  REQUIRE_MESSAGE(folder, "VECTORS names the folder of the vectors; run this through `meson test`");
  std::ifstream lines(std::string(folder) + "/" + file);
  REQUIRE(lines);
  Vector vector;
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string first;
    std::string second;
    std::string third;
    words >> first >> second >> third;
    REQUIRE_FALSE(third.empty());
    if (first == "key") {
      vector.algorithm = algorithm_named(second).value();
      if (third != "same") vector.key = bytes_of_hex(third);
      continue;
    }
    vector.valid = first == "valid";
    vector.message = bytes_of_hex(second);
    vector.signature = bytes_of_hex(third);
    check(vector);
    ++count;
  }
  return count;
}

/// The input that an algorithm signs for a message.
std::string input_of(const Vector& vector) {
  const Hash hash = hash_of(vector.algorithm);
  if (hash == Hash::none) return vector.message;
  return std::string(as_text(digest_of(hash, as_bytes(vector.message)).value().bytes()));
}

std::size_t check_signatures(const std::string& file) {
  std::string loaded;
  KeyRegistry keys;
  return for_each_vector(file, [&](const Vector& vector) {
    if (loaded != vector.key) {
      loaded = vector.key;
      keys = keys_of(pem_of("PRIVATE KEY", vector.key)).value();
    }
    const Signer& signer = *keys.all()[0];
    CHECK(signer.sign(vector.algorithm, as_bytes(input_of(vector))) == vector.signature);
  });
}

std::size_t check_verdicts(const std::string& file) {
  return for_each_vector(file, [](const Vector& vector) {
    const Result<PublicKey> key = PublicKey::from_spki(as_bytes(vector.key));
    REQUIRE(key);
    const Status status =
        key->verify(vector.algorithm, as_bytes(input_of(vector)), as_bytes(vector.signature));
    CHECK_MESSAGE(status.ok() == vector.valid, status.to_string());
  });
}

TEST_CASE("RSA PKCS#1 signatures are those of Wycheproof and of NIST, byte for byte") {
  CHECK(check_signatures("rsa_pkcs1_sign.txt") == 24);
  CHECK(check_signatures("rsa_pkcs1_cavp_sign.txt") == 24);
}

TEST_CASE("Ed25519 signatures are those of RFC 8032, byte for byte") {
  CHECK(check_signatures("ed25519_sign.txt") == 5);
}

TEST_CASE("signatures verify or fail as Wycheproof expects") {
  CHECK(check_verdicts("rsa_pss_verify.txt") == 108);
  CHECK(check_verdicts("rsa_pss_sha384_verify.txt") == 49);
  CHECK(check_verdicts("rsa_pss_sha512_verify.txt") == 19);
  CHECK(check_verdicts("ecdsa_p256_verify.txt") == 484);
  CHECK(check_verdicts("ecdsa_p384_verify.txt") == 383);
  CHECK(check_verdicts("ed25519_verify.txt") == 151);
}

TEST_CASE("RSA PKCS#1 signatures verify or fail as NIST expects") {
  CHECK(check_verdicts("rsa_pkcs1_cavp_verify.txt") == 36);
}

TEST_CASE("a PSS signature whose salt has another length or whose mask another hash is refused") {
  CHECK(check_verdicts("rsa_pss_parameters_verify.txt") == 18);
}

}  // namespace
}  // namespace ringrpc
