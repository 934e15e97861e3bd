#include "signer/ecdsa_encoding.h"

#include <doctest/doctest.h>

#include "keys.h"

namespace ringrpc {
namespace {

TEST_CASE("a signature keeps its numbers from one form to the other") {
  const KeyRegistry keys = new_keys({"p256", "p384"});
  for (const auto& signer : keys.all()) {
    const Algorithm algorithm = signer->algorithms().first();
    const std::size_t bytes = digest_bytes(hash_of(algorithm));  // the order's length too
    for (int i = 0; i < 300; ++i) {                              // some numbers begin with zeros
      const std::string der = signer->sign(algorithm, as_bytes(std::string(bytes, 'd'))).value();
      const Result<std::string> raw = raw_from_der(signer->public_key().kind(), der);
      REQUIRE(raw);
      CHECK(raw->size() == 2 * bytes);
      CHECK(der_from_raw(signer->public_key().kind(), *raw) == der);
    }
  }
}

TEST_CASE("small numbers are filled up in front") {
  const std::string der = bytes_of_hex("3006020101020102");
  const Result<std::string> raw = raw_from_der(KeyKind::p256, der);
  REQUIRE(raw);
  CHECK(*raw == std::string(31, '\0') + '\1' + std::string(31, '\0') + '\2');
}

TEST_CASE("an invalid signature is refused") {
  for (const char* digits : {"-", "30", "3006020101", "300602010102010200", "02010130", "ffffffff"})
    CHECK(raw_from_der(KeyKind::p256, bytes_of_hex(digits)).error().code() == Code::INVALID_ARGUMENT);
  const std::string wide =
      bytes_of_hex("3026") + bytes_of_hex("0221") + std::string(33, '\x7f') + bytes_of_hex("020101");
  CHECK(raw_from_der(KeyKind::p256, wide).error().code() == Code::INVALID_ARGUMENT);
  CHECK(der_from_raw(KeyKind::p384, std::string(64, 'x')).error().message() ==
        "a raw signature on P-384 has 96 bytes, not 64");
}

}  // namespace
}  // namespace ringrpc
