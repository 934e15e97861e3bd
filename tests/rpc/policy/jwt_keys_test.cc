// Keys of JSON Web Tokens: which sets are taken, and why others are refused.
#include "ringrpc/jwt_keys.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <string>
#include <vector>

#include "base/openssl.h"
#include "rpc/policy/jwt_issuer.h"
#include "rpc/policy/jwt_key_set.h"

namespace ringrpc {
namespace {

const std::string p256_x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";  // RFC 7515, A.3
const std::string p256_y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const std::string ed_x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";  // RFC 8037, A.2

std::string set_of(const std::vector<std::string>& keys) {
  std::string text = R"({"keys":[)";
  for (const std::string& key : keys) text += (text.ends_with('[') ? "{" : ",{") + key + "}";
  return text + "]}";
}

std::string p256(const std::string& more = "") {
  return R"("kty":"EC","crv":"P-256","x":")" + p256_x + R"(","y":")" + p256_y + "\"" + more;
}
std::string ed25519(const std::string& more = "") {
  return R"("kty":"OKP","crv":"Ed25519","x":")" + ed_x + "\"" + more;
}
std::string rsa(std::size_t bits, const std::string& exponent = "AQAB") {
  return R"("kty":"RSA","n":")" + test::base64url(std::string(bits / 8, '\xff')) + R"(","e":")" + exponent +
         "\"";
}

std::string refusal(const std::string& text) {
  const auto keys = JwtKeys::load(Pem::text(text));
  return keys ? std::to_string((*keys)->size()) + " keys" : std::string(keys.error().message());
}

std::string pem_of(const char* type, std::size_t bits_or_none = 0) {
  const openssl::Owned<EVP_PKEY> key(bits_or_none > 0
                                         ? EVP_PKEY_Q_keygen(nullptr, nullptr, type, bits_or_none)
                                         : EVP_PKEY_Q_keygen(nullptr, nullptr, type));
  const openssl::Owned<BIO> text(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_PUBKEY(text.get(), key.get()) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

TEST_CASE("keys of a set are usable, or left out if they are not for us") {
  CHECK(refusal(set_of({p256(), ed25519(), rsa(2048)})) == "3 keys");
  CHECK(refusal(" \n" + set_of({p256(R"(,"alg":"ES256","use":"sig","key_ops":["verify"])")})) == "1 keys");
  CHECK(refusal(
            set_of({p256(), p256(R"(,"use":"enc")"), p256(R"(,"key_ops":["deriveKey"])"),
                    R"("kty":"EC","crv":"P-521","x":"AA","y":"AA")", R"("kty":"OKP","crv":"X25519","x":"AA")",
                    R"("kty":"AKP")", rsa(2048) + R"(,"alg":"RSA-OAEP")"})) == "1 keys");
  CHECK(refusal(set_of({})) ==
        "JWT: no key that verifies tokens; want RSA, P-256, P-384 or Ed25519 for signatures");
}

TEST_CASE("weak, malformed, private and symmetric keys are refused, by their number") {
  const auto second = [](const std::string& key) { return refusal(set_of({p256(), key})); };
  CHECK(second(rsa(1024)) == "JWT: key 2: RSA of 1024 bits; use 2048 to 8192 bits");
  CHECK(second(rsa(8200)) == "JWT: key 2: RSA of 8200 bits; use 2048 to 8192 bits");
  CHECK(second(rsa(100'000)) == "JWT: key 2: RSA of more than 8192 bits");
  for (const char* exponent : {"AQ", "AA", "Ag", "AQAAAAE", "____________"})
    CHECK(second(rsa(2048, exponent)).starts_with("JWT: key 2: an RSA exponent that is not"));
  CHECK(second(R"("kty":"EC","crv":"P-256","x":")" + p256_x + R"(","y":")" + p256_x + "\"") ==
        "JWT: key 2: a point that is not on the curve");
  CHECK(second(R"("kty":"EC","crv":"P-384","x":")" + p256_x + R"(","y":")" + p256_y + "\"") ==
        "JWT: key 2: \"x\" is not of 48 bytes");
  CHECK(second(R"("kty":"OKP","crv":"Ed25519","x":"AAAA")") == "JWT: key 2: \"x\" is not of 32 bytes");
  CHECK(second(ed25519(R"(,"d":"AAAA")")) == "JWT: key 2: a private key; give only the public one");
  CHECK(second(R"("kty":"oct","k":"AAAA")") ==
        "JWT: key 2: a symmetric key, which only its two owners may have; remove it");
  for (const char* alg : {"HS256", "none", "RS256", "ES384"})
    CHECK(second(p256(std::string(R"(,"alg":")") + alg + "\"")) ==
          "JWT: key 2: its \"alg\" " + std::string(alg) + " does not fit its type EC");
  CHECK(second(R"("kty":"EC","crv":"P-256","x":"AA=="})") != "1 keys");
  CHECK(second(R"("kid":"no type")") == "JWT: key 2: no text \"kty\"");
  CHECK(second(p256(R"(,"kid":7)")) == "JWT: key 2: no text \"kid\"");
}

TEST_CASE("two keys of one id are refused, and two without an id are not") {
  CHECK(refusal(set_of({p256(R"(,"kid":"a")"), ed25519(R"(,"kid":"a")")})) ==
        "JWT: key 2: another key has the \"kid\" a already");
  CHECK(refusal(set_of({p256(), ed25519()})) == "2 keys");
}

TEST_CASE("at most 100 keys") {
  CHECK(refusal(set_of(std::vector(100, ed25519()))) == "100 keys");
  CHECK(refusal(set_of(std::vector(101, ed25519()))) == "JWT: key 101: more than 100 keys");
}

TEST_CASE("text that is no key set is refused") {
  for (const char* text : {"{", "{}{}", R"({"keys":[],"keys":[]})", R"({"keys":[{"kty":"a","kty":"b"}]})"})
    CHECK(refusal(text) == "JWT: the key set is not JSON, or has a member twice");
  for (const char* text : {"{}", R"({"keys":{}})", R"({"keys":null})"})
    CHECK(refusal(text) == "JWT: no JSON Web Key Set: want {\"keys\": [...]}");
  for (const char* text : {"", " ", "x", "[]"})
    CHECK(refusal(text) ==
          "JWT: no key that verifies tokens; want RSA, P-256, P-384 or Ed25519 for signatures");
}

TEST_CASE("PEM has one public key or several, of usable kinds") {
  const std::string ed = pem_of("ED25519");
  CHECK(refusal(ed) == "1 keys");
  CHECK(refusal("a comment\n" + ed + "\n" + pem_of("ED25519")) == "2 keys");
  CHECK(refusal(pem_of("RSA", 1024)) == "JWT: key 1: RSA of 1024 bits; use 2048 to 8192 bits");
  CHECK(refusal(ed + pem_of("X25519")) == "JWT: key 2: want RSA, P-256, P-384 or Ed25519");
  std::string damaged = ed;
  damaged.replace(damaged.find("MCow"), 4, "AAAA");
  CHECK(refusal(damaged) == "JWT: key 1: it is damaged, or no PUBLIC KEY");
  CHECK(refusal("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n") ==
        "JWT: a private key; give only the public one (openssl pkey -pubout)");
  CHECK(refusal("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") ==
        "JWT: a certificate; give its public key (openssl x509 -noout -pubkey)");
}

TEST_CASE("an id selects its key alone; without one at most four keys are tried") {
  const auto keys = JwtKeySet::parse(
      set_of({ed25519(R"(,"kid":"a")"), ed25519(R"(,"kid":"b")"), ed25519(), p256(R"(,"kid":"p")")}));
  REQUIRE(keys);
  const auto count = [&](const char* id, JwtAlgorithm algorithm) {
    const std::string text = id ? id : "";
    return keys->candidates(id ? &text : nullptr, algorithm).size();
  };
  CHECK(count("a", JwtAlgorithm::eddsa) == 1);
  CHECK(count("p", JwtAlgorithm::eddsa) == 0);
  CHECK(count("other", JwtAlgorithm::eddsa) == 1);  // the key without an id
  CHECK(count("other", JwtAlgorithm::es256) == 0);
  CHECK(count(nullptr, JwtAlgorithm::eddsa) == 3);
  CHECK(count(nullptr, JwtAlgorithm::rs256) == 0);
}

}  // namespace
}  // namespace ringrpc
