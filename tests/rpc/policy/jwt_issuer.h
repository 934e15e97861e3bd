/// Issues tokens for tests, with keys of its own.
///
///   test::JwtIssuer issuer;
///   auto keys = JwtKeys::load(Pem::text(issuer.key_set()));
///   std::string token = issuer.token(R"({"iss":"i","aud":"a","exp":100})");
#pragma once

#include <string>
#include <string_view>

#include "base/openssl.h"

namespace ringrpc::test {

std::string base64url(std::string_view bytes);

/// Signs with Ed25519, whose keys take no time to make.
class JwtIssuer {
 public:
  JwtIssuer();

  /// A key set with the one key, whose `kid` is "ed".
  std::string key_set() const;
  std::string token(std::string_view claims, std::string_view header = R"({"alg":"EdDSA","kid":"ed"})") const;

 private:
  openssl::Owned<EVP_PKEY> key_;
};

}  // namespace ringrpc::test
