#include "rpc/policy/jwt_issuer.h"

#include <doctest/doctest.h>
#include <utility>

namespace ringrpc::test {

std::string base64url(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  unsigned bits = 0;
  unsigned pending = 0;
  for (const char each : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(each);
    pending += 8;
    while (pending >= 6) {
      pending -= 6;
      text += digits[bits >> pending & 63];
    }
  }
  if (pending > 0) text += digits[bits << (6 - pending) & 63];
  return text;
}

JwtIssuer::JwtIssuer(std::string key_id)
    : key_id_(std::move(key_id)), key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")) {
  REQUIRE(key_);
}

std::string JwtIssuer::key() const {
  std::string x(32, '\0');
  std::size_t size = x.size();
  REQUIRE(EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(x.data()), &size) == 1);
  return R"({"kty":"OKP","crv":"Ed25519","kid":")" + key_id_ + R"(","x":")" + base64url(x) + "\"}";
}

std::string JwtIssuer::key_set() const { return key_set_of({this}); }

std::string JwtIssuer::token(std::string_view claims) const {
  return token(claims, R"({"alg":"EdDSA","kid":")" + key_id_ + "\"}");
}

std::string JwtIssuer::token(std::string_view claims, std::string_view header) const {
  const std::string text = base64url(header) + "." + base64url(claims);
  const openssl::Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  std::string signature(64, '\0');
  std::size_t size = signature.size();
  REQUIRE(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1);
  REQUIRE(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                         reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
  return text + "." + base64url(signature);
}

std::string key_set_of(std::initializer_list<const JwtIssuer*> issuers) {
  std::string keys;
  for (const JwtIssuer* each : issuers) keys += (keys.empty() ? "" : ",") + each->key();
  return R"({"keys":[)" + keys + "]}";
}

}  // namespace ringrpc::test
