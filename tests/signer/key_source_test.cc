#include "signer/key_source.h"

#include <doctest/doctest.h>

namespace ringrpc {
namespace {

TEST_CASE("a text names a file, after the algorithms that the key is for") {
  const KeySource plain = KeySource::from_file("/etc/keys/a.pem").value();
  CHECK(plain.path == "/etc/keys/a.pem");
  CHECK(plain.allowed.empty());
  const KeySource two = KeySource::from_file("RSA_PSS_SHA256,RSA_PSS_SHA384:b:c.pem").value();
  CHECK(two.path == "b:c.pem");
  CHECK(two.allowed.names() == "RSA_PSS_SHA256, RSA_PSS_SHA384");
  CHECK(KeySource::from_file("odd:name.pem").value().path == "odd:name.pem");
}

TEST_CASE("a text names a kind of key to make") {
  const KeySource rsa = KeySource::generated("rsa3072").value();
  CHECK(rsa.path.empty());
  CHECK(rsa.kind == KeyKind::rsa);
  CHECK(rsa.rsa_bits == 3072);
  const KeySource curve = KeySource::generated("ECDSA_P384_SHA384:p384").value();
  CHECK(curve.kind == KeyKind::p384);
  CHECK(curve.allowed.names() == "ECDSA_P384_SHA384");
}

TEST_CASE("a text that names nothing is refused with the right form") {
  CHECK(KeySource::from_file("").error().code() == Code::INVALID_ARGUMENT);
  CHECK(KeySource::from_file("ED25519:").error().message() ==
        "it names no file; write FILE or ALGORITHM:FILE");
  CHECK(KeySource::from_file("RSA_PSS_SHA256,RSA_PSS_SHA1:a")
            .error()
            .message()
            .starts_with("'RSA_PSS_SHA1' is no algorithm; choose among RSA_PKCS1_SHA256, "));
  CHECK(KeySource::generated("rsa1024").error().message() ==
        "'rsa1024' is no kind of key; choose among rsa2048, rsa3072, rsa4096, p256, p384, ed25519");
}

TEST_CASE("a key is not generated for algorithms that it cannot be used with") {
  CHECK(KeySource::generated("ED25519:p256").error().message() ==
        "a key of type P-256 cannot be used with all of ED25519; choose among ECDSA_P256_SHA256");
}

TEST_CASE("the error for a key begins with the setting that named it") {
  KeySource absent = KeySource::from_file("/nowhere/key.pem").value();
  absent.named_by = "--key";
  const Result<KeyRegistry> keys = make_keys({&absent, 1}, {});
  REQUIRE_FALSE(keys);
  CHECK(keys.error().to_string() == "NOT_FOUND: --key: open /nowhere/key.pem: no such file or directory");
}

TEST_CASE("an unknown algorithm before a colon is named, with the known ones") {
  const std::string names =
      "RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, "
      "ECDSA_P256_SHA256, ECDSA_P384_SHA384, ED25519";
  const KeySource source = KeySource::from_file("FOO:/nowhere/k.pem").value();
  CHECK(make_keys({&source, 1}, {}).error().message() ==
        "open FOO:/nowhere/k.pem: no such file or directory; 'FOO' is no algorithm; choose among " + names);
  CHECK(KeySource::generated("RSA_PSS_SHA265,ED25519:rsa2048").error().message() ==
        "'RSA_PSS_SHA265' is no algorithm; choose among " + names);
}

TEST_CASE("without sources there are no keys") {
  const Result<KeyRegistry> keys = make_keys({}, {});
  REQUIRE(keys);
  CHECK(keys->all().empty());
}

}  // namespace
}  // namespace ringrpc
