#include "signer/key_registry.h"

#include <doctest/doctest.h>

#include "keys.h"

namespace ringrpc {
namespace {

TEST_CASE("keys are found by id, algorithm and kind, the first one if there are several") {
  const KeyRegistry keys = new_keys({"p256", "ED25519:ed25519", "p256"});
  REQUIRE(keys.all().size() == 3);
  const Signer* const first = keys.all()[0].get();
  CHECK(keys.with_algorithm(Algorithm::ecdsa_p256_sha256) == first);
  CHECK(keys.of_kind(KeyKind::p256) == first);
  CHECK(keys.of_kind(KeyKind::rsa) == nullptr);
  CHECK(keys.with_algorithm(Algorithm::rsa_pss_sha256) == nullptr);
  for (const auto& signer : keys.all()) CHECK(keys.with_id(signer->public_key().id()) == signer.get());
  CHECK(keys.with_id("") == nullptr);
  CHECK(keys.algorithms().names() == "ECDSA_P256_SHA256, ED25519");
}

TEST_CASE("a key can be added only once") {
  const apps::ScratchFile file(pem_of("PRIVATE KEY", bytes_of_hex("302e020100300506032b657004220420"
                                                                  "9d61b19deffd5a60ba844af492ec2cc4"
                                                                  "4449c5697b326919703bac031cae7f60")));
  std::vector<KeySource> twice(2, KeySource::from_file(file.path()).value());
  for (KeySource& source : twice) source.named_by = "--key";
  const Result<KeyRegistry> keys = make_keys(twice, {});
  REQUIRE_FALSE(keys);
  CHECK(keys.error().code() == Code::ALREADY_EXISTS);
  const std::string said(keys.error().message());
  CHECK_MESSAGE(said.starts_with("--key: key file " + file.path() + ": key "), said);
  CHECK_MESSAGE(said.ends_with(" is given twice; give it once"), said);
}

}  // namespace
}  // namespace ringrpc
