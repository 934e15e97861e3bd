/// Decides about one token: a signed JSON Web Token in compact form (RFC 7515, RFC 7519, RFC 8725).
///
/// In this order, so that unverified bytes decide as little as possible:
/// 1. the form: at most 8 KiB, three parts of strict base64url;
/// 2. the header: `alg` is allowed, there is no `crit` and no `cty`, `typ` is that of an access token;
/// 3. the signature, by the key that `kid` selects among ours. The header's `jwk`, `jku`, `x5c` and `x5u`
///    have no effect;
/// 4. the claims: `iss`, `aud`, `exp`, `nbf`, `iat`.
///
///   const auto verified = verify_jwt(token, keys, rules, std::chrono::system_clock::now());
///   if (!verified) return refuse(verified.error().why);
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/metadata.h"

#include "rpc/policy/jwt_key_set.h"

namespace ringrpc {

/// The causes of refusals, as metrics and logs count them.
enum class JwtCause : std::uint8_t {
  missing,        ///< no bearer token
  malformed,      ///< no token in form, header or types of claims
  algorithm,      ///< an algorithm that this server does not allow
  key,            ///< no key fits, or too many
  signature,      ///< not valid
  issuer,         ///< of another issuer
  audience,       ///< for another audience
  expired,        ///< `exp` has passed
  not_yet_valid,  ///< `nbf` or `iat` is to come
  busy,           ///< too many tokens wait to be verified
};
constexpr std::size_t jwt_causes = 10;
std::string_view name(JwtCause cause) noexcept;

struct JwtRefusal {
  JwtCause cause;
  std::string why;  ///< for the caller: names what is wrong, and nothing that it should not know
};

struct JwtRules {
  std::string issuer;
  std::string audience;
  JwtAlgorithms algorithms;
  std::chrono::milliseconds leeway{0};
  std::vector<std::string> claims;  ///< to keep
};

struct VerifiedJwt {
  std::chrono::system_clock::time_point expires;  ///< `exp` and the leeway
  std::vector<Metadata::Entry> attributes;        ///< the subject, and the claims to keep
  TokenKey::Fingerprint key;                      ///< of the key that has verified it
};

/// The longest token.
constexpr std::size_t jwt_bytes_max = 8 * 1024;

/// The name of the attribute that has a claim.
std::string claim_attribute(std::string_view claim);

/// `verified_by` is the key that has verified the signature of just this token before, if any. The signature
/// counts as valid if the token would be tried with that key again.
std::expected<VerifiedJwt, JwtRefusal> verify_jwt(std::string_view token, const JwtKeySet& keys,
                                                  const JwtRules& rules,
                                                  std::chrono::system_clock::time_point now,
                                                  const TokenKey::Fingerprint* verified_by = nullptr);

}  // namespace ringrpc
