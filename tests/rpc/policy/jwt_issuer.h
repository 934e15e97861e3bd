/// Issues tokens for tests, with keys of its own.
///
///   test::JwtIssuer issuer;
///   auto keys = JwtKeys::load(Pem::text(issuer.key_set()));
///   std::string token = issuer.token(R"({"iss":"i","aud":"a","exp":100})");
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/openssl.h"

namespace ringrpc::test {

std::string base64url(std::string_view bytes);

/// Signs with Ed25519, whose keys take no time to make.
class JwtIssuer {
 public:
  /// Tokens and the key have this `kid`.
  explicit JwtIssuer(std::string key_id = "ed");

  /// The public key as a JSON Web Key.
  std::string key() const;
  /// A key set with the one key.
  std::string key_set() const;
  std::string token(std::string_view claims) const;
  std::string token(std::string_view claims, std::string_view header) const;

 private:
  const std::string key_id_;
  openssl::Owned<EVP_PKEY> key_;
};

/// A key set with the keys of several issuers.
std::string key_set_of(std::initializer_list<const JwtIssuer*> issuers);

}  // namespace ringrpc::test
