#include "rpc/policy/jwt_verifier.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "ringrpc/bearer_auth.h"

#include "base/escape.h"
#include "base/utc_time.h"
#include "rpc/wire/base64url.h"
#include "rpc/wire/strict_json.h"

namespace ringrpc {
namespace {

/// The last second of the year 9999: no date of a token is later.
constexpr double date_max = 253'402'300'799.0;
constexpr std::size_t quoted_alg_bytes_max = 32;

using Refused = std::unexpected<JwtRefusal>;

Refused refuse_token(JwtCause cause, std::string why) { return Refused(JwtRefusal{cause, std::move(why)}); }

Refused malformed_token(const std::string& what) {
  return refuse_token(JwtCause::malformed, "the token is malformed: " + what);
}

struct TokenParts {
  std::string_view signed_text;  // header and claims with the point between them
  std::string header;
  std::string claims;
  std::string signature;
};

std::expected<TokenParts, JwtRefusal> split_token(std::string_view token) {
  if (token.size() > jwt_bytes_max) return malformed_token("it is longer than 8 KiB");
  const auto points = std::ranges::count(token, '.');
  if (points == 4) return malformed_token("it is encrypted, and only signed tokens are accepted");
  if (points != 2) return malformed_token("it is not header.claims.signature");
  const std::size_t first = token.find('.');
  const std::size_t second = token.find('.', first + 1);
  auto header = base64url_decode(token.substr(0, first));
  auto claims = base64url_decode(token.substr(first + 1, second - first - 1));
  auto signature = base64url_decode(token.substr(second + 1));
  if (!header || !claims || !signature) return malformed_token("a part is not base64url without padding");
  return TokenParts{token.substr(0, second), std::move(*header), std::move(*claims), std::move(*signature)};
}

bool equal_letters(std::string_view one, std::string_view other) {
  const auto lower = [](char each) {
    return each >= 'A' && each <= 'Z' ? static_cast<char>(each | 0x20) : each;
  };
  return std::ranges::equal(one, other, {}, lower, lower);
}

/// RFC 8725, 3.11: a token of another kind, such as a logout token, is no access token.
bool is_access_type(std::string_view type) {
  constexpr std::string_view prefix = "application/";
  if (type.size() > prefix.size() && equal_letters(type.substr(0, prefix.size()), prefix))
    type.remove_prefix(prefix.size());
  return equal_letters(type, "JWT") || equal_letters(type, "at+jwt");
}

struct TokenHeader {
  JwtAlgorithm algorithm;
  std::optional<std::string> key_id;
};

std::expected<TokenHeader, JwtRefusal> read_header(const std::string& text, const JwtRules& rules) {
  const std::optional<StrictJson> header = StrictJson::parse(text);
  if (!header || !header->is_object())
    return malformed_token("its header is not a JSON object, or has a member twice");
  if (header->find("crit"))
    return malformed_token("its header has critical extensions (crit), and there are none");
  if (header->find("cty"))
    return malformed_token("its header has a content type (cty): nested tokens are refused");
  if (const StrictJson* type = header->find("typ"))
    if (!type->text() || !is_access_type(*type->text()))
      return malformed_token("its type (typ) is neither JWT nor at+jwt");
  const StrictJson* alg = header->find("alg");
  if (!alg || !alg->text()) return malformed_token("its header names no algorithm (alg)");
  const std::optional<JwtAlgorithm> algorithm = jwt_algorithm(*alg->text());
  if (!algorithm || !rules.algorithms.has(*algorithm))
    return refuse_token(JwtCause::algorithm, "the token's algorithm " +
                                                 escape_controls(*alg->text(), quoted_alg_bytes_max) +
                                                 " is not allowed here");
  TokenHeader read{.algorithm = *algorithm, .key_id = {}};
  if (const StrictJson* kid = header->find("kid")) {
    if (!kid->text()) return malformed_token("its key id (kid) is not a text");
    read.key_id = *kid->text();
  }
  return read;
}

/// Gives the key that verifies the signature.
std::expected<const JwtKey*, JwtRefusal> check_signature(const TokenParts& parts, const TokenHeader& header,
                                                         const JwtKeySet& keys,
                                                         const TokenKey::Fingerprint* verified_by) {
  const std::vector<const JwtKey*> candidates =
      keys.candidates(header.key_id ? &*header.key_id : nullptr, header.algorithm);
  if (candidates.empty())
    return refuse_token(JwtCause::key, header.key_id
                                           ? "no key has the token's key id (kid) and allows its algorithm"
                                           : "no key allows the token's algorithm");
  if (candidates.size() > JwtKeySet::tries_max)
    return refuse_token(JwtCause::key,
                        "the token has no key id (kid), and too many keys allow its algorithm");
  for (const JwtKey* key : candidates)
    if (verified_by ? key->key.fingerprint() == *verified_by
                    : key->key.verify(header.algorithm, parts.signed_text, parts.signature))
      return key;
  return refuse_token(JwtCause::signature, "the token's signature is not valid");
}

/// A NumericDate (RFC 7519, 2), which may have a fraction. Nothing if the claim is absent.
std::expected<std::optional<double>, JwtRefusal> read_date(const StrictJson& claims, std::string_view claim) {
  const StrictJson* found = claims.find(claim);
  if (!found) return std::nullopt;
  const double* seconds = found->number();
  const bool valid = seconds && *seconds >= 0 && *seconds <= date_max;
  if (!valid) return malformed_token(std::string(claim) + " is not a number of seconds since 1970");
  return *seconds;
}

bool has_audience(const StrictJson& audience, const std::string& wanted) {
  if (audience.text()) return *audience.text() == wanted;
  return std::ranges::any_of(*audience.array(),
                             [&](const StrictJson& each) { return *each.text() == wanted; });
}

std::optional<JwtRefusal> check_names(const StrictJson& claims, const JwtRules& rules) {
  const StrictJson* issuer = claims.find("iss");
  if (!issuer || !issuer->text()) return malformed_token("it has no issuer (iss)").error();
  if (*issuer->text() != rules.issuer)
    return JwtRefusal{JwtCause::issuer, "the token's issuer (iss) is not the one that is trusted here"};
  const StrictJson* audience = claims.find("aud");
  const auto is_text = [](const StrictJson& each) { return each.text() != nullptr; };
  const bool typed = audience && (audience->text() ||
                                  (audience->array() && std::ranges::all_of(*audience->array(), is_text)));
  if (!typed) return malformed_token("it has no audience (aud), which is a text or several").error();
  if (!has_audience(*audience, rules.audience))
    return JwtRefusal{JwtCause::audience, "the token is for another audience (aud)"};
  const StrictJson* subject = claims.find("sub");
  if (subject && !subject->text()) return malformed_token("its subject (sub) is not a text").error();
  return std::nullopt;
}

double to_seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

/// The clock's nanoseconds end in 2262, so later dates become one before that.
std::chrono::system_clock::time_point to_time(double seconds) {
  constexpr double clock_max = 9'000'000'000.0;
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::duration<double>(std::min(seconds, clock_max))));
}

std::string utc_text(double seconds) {
  std::string text;
  append_utc(text, to_time(seconds));
  return text;
}

/// Gives the time at which the token ends, leeway included.
std::expected<double, JwtRefusal> check_dates(const StrictJson& claims, const JwtRules& rules, double now) {
  const auto expires = read_date(claims, "exp");
  if (!expires) return Refused(expires.error());
  const auto begins = read_date(claims, "nbf");
  if (!begins) return Refused(begins.error());
  const auto issued = read_date(claims, "iat");
  if (!issued) return Refused(issued.error());
  if (!*expires) return malformed_token("it has no time of expiry (exp)");
  const double leeway = std::chrono::duration<double>(rules.leeway).count();
  if (now >= **expires + leeway)
    return refuse_token(JwtCause::expired, "the token expired at " + utc_text(**expires));
  if (*begins && now + leeway < **begins)
    return refuse_token(JwtCause::not_yet_valid,
                        "the token is not valid before " + utc_text(**begins) + " (nbf)");
  if (*issued && now + leeway < **issued)
    return refuse_token(JwtCause::not_yet_valid, "the token was issued at " + utc_text(**issued) +
                                                     " (iat), which is to come: compare the clocks");
  return **expires + leeway;
}

std::vector<Metadata::Entry> kept_claims(const StrictJson& claims, const JwtRules& rules) {
  std::vector<Metadata::Entry> kept;
  if (const StrictJson* subject = claims.find("sub"))
    kept.push_back({std::string(BearerAuth::principal), *subject->text()});
  for (const std::string& claim : rules.claims)
    if (const StrictJson* value = claims.find(claim))
      kept.push_back({claim_attribute(claim), value->text() ? *value->text() : value->to_json()});
  return kept;
}

}  // namespace

std::string_view name(JwtCause cause) noexcept {
  constexpr std::array<std::string_view, jwt_causes> names{
      "missing", "malformed", "algorithm", "key",           "signature",
      "issuer",  "audience",  "expired",   "not_yet_valid", "busy"};
  return names[static_cast<std::size_t>(cause)];
}

std::string claim_attribute(std::string_view claim) { return "claim:" + std::string(claim); }

std::expected<VerifiedJwt, JwtRefusal> verify_jwt(std::string_view token, const JwtKeySet& keys,
                                                  const JwtRules& rules,
                                                  std::chrono::system_clock::time_point now,
                                                  const TokenKey::Fingerprint* verified_by) {
  const auto parts = split_token(token);
  if (!parts) return Refused(parts.error());
  const auto header = read_header(parts->header, rules);
  if (!header) return Refused(header.error());
  const auto key = check_signature(*parts, *header, keys, verified_by);
  if (!key) return Refused(key.error());
  const std::optional<StrictJson> claims = StrictJson::parse(parts->claims);
  if (!claims || !claims->is_object())
    return malformed_token("its claims are not a JSON object, or one is there twice");
  if (auto refusal = check_names(*claims, rules)) return Refused(std::move(*refusal));
  const auto expires = check_dates(*claims, rules, to_seconds(now));
  if (!expires) return Refused(expires.error());
  return VerifiedJwt{.expires = to_time(*expires),
                     .attributes = kept_claims(*claims, rules),
                     .key = (*key)->key.fingerprint()};
}

}  // namespace ringrpc
