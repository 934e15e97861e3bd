#include "rpc/policy/jwt_key_set.h"

#include <algorithm>
#include <utility>

#include "base/escape.h"
#include "rpc/wire/base64url.h"
#include "rpc/wire/strict_json.h"

namespace ringrpc {
namespace {

constexpr std::size_t quoted_bytes_max = 100;

std::unexpected<Status> invalid_key(std::string why) { return fail(Code::INVALID_ARGUMENT, std::move(why)); }

/// A member of a JWK: text, or an error that names it.
Result<std::string> text_member(const StrictJson& jwk, const char* member) {
  const StrictJson* found = jwk.find(member);
  if (!found || !found->text()) return invalid_key("no text \"" + std::string(member) + "\"");
  return *found->text();
}

Result<std::string> bytes_member(const StrictJson& jwk, const char* member) {
  const Result<std::string> text = text_member(jwk, member);
  if (!text) return text;
  std::optional<std::string> bytes = base64url_decode(*text);
  if (!bytes || bytes->empty()) return invalid_key("\"" + std::string(member) + "\" is not base64url");
  return std::move(*bytes);
}

Result<TokenKey> rsa_of(const StrictJson& jwk) {
  const Result<std::string> modulus = bytes_member(jwk, "n");
  if (!modulus) return std::unexpected(modulus.error());
  const Result<std::string> exponent = bytes_member(jwk, "e");
  if (!exponent) return std::unexpected(exponent.error());
  return TokenKey::rsa(*modulus, *exponent);
}

Result<TokenKey> point_of(const StrictJson& jwk, std::string_view curve) {
  const Result<std::string> x = bytes_member(jwk, "x");
  if (!x) return std::unexpected(x.error());
  const Result<std::string> y = bytes_member(jwk, "y");
  if (!y) return std::unexpected(y.error());
  return TokenKey::curve(curve, *x, *y);
}

Result<TokenKey> ed25519_of(const StrictJson& jwk) {
  const Result<std::string> x = bytes_member(jwk, "x");
  if (!x) return std::unexpected(x.error());
  return TokenKey::ed25519(*x);
}

/// True if `use` and `key_ops` permit the verification of signatures (RFC 7517, 4.2 and 4.3).
bool is_for_signatures(const StrictJson& jwk) {
  const StrictJson* use = jwk.find("use");
  if (use && (!use->text() || *use->text() != "sig")) return false;
  const StrictJson* operations = jwk.find("key_ops");
  if (!operations) return true;
  if (!operations->array()) return false;
  return std::ranges::any_of(*operations->array(), [](const StrictJson& operation) {
    return operation.text() && *operation.text() == "verify";
  });
}

/// Nothing for a key that is not for us.
Result<std::optional<JwtKey>> key_of(const StrictJson& jwk) {
  const Result<std::string> type = text_member(jwk, "kty");
  if (!type) return std::unexpected(type.error());
  if (*type == "oct") return invalid_key("a symmetric key, which only its two owners may have; remove it");
  if (jwk.find("d")) return invalid_key("a private key; give only the public one");
  if (!is_for_signatures(jwk)) return std::nullopt;
  if (*type != "RSA" && *type != "EC" && *type != "OKP") return std::nullopt;
  const Result<std::string> curve = *type == "RSA" ? Result<std::string>("") : text_member(jwk, "crv");
  if (!curve) return std::unexpected(curve.error());
  if (*type == "EC" && *curve != "P-256" && *curve != "P-384") return std::nullopt;
  if (*type == "OKP" && *curve != "Ed25519") return std::nullopt;
  Result<TokenKey> key = *type == "RSA"  ? rsa_of(jwk)
                         : *type == "EC" ? point_of(jwk, *curve)
                                         : ed25519_of(jwk);
  if (!key) return std::unexpected(std::move(key).error());
  const JwtAlgorithms algorithms = key->algorithms();
  JwtKey made{.id = {}, .algorithms = algorithms, .key = std::move(*key)};
  if (const StrictJson* alg = jwk.find("alg")) {
    if (!alg->text()) return invalid_key("an \"alg\" that is no text");
    const std::optional<JwtAlgorithm> only = jwt_algorithm(*alg->text());
    if (!only && !alg->text()->starts_with("HS") && *alg->text() != "none") return std::nullopt;
    if (!only || !made.algorithms.has(*only))
      return invalid_key("its \"alg\" " + escape_controls(*alg->text(), quoted_bytes_max) +
                         " does not fit its type " + *type);
    made.algorithms = {};
    made.algorithms.add(*only);
  }
  if (jwk.find("kid")) {
    Result<std::string> id = text_member(jwk, "kid");
    if (!id) return std::unexpected(std::move(id).error());
    made.id = std::move(*id);
  }
  return made;
}

}  // namespace

Result<JwtKeySet> JwtKeySet::parse(std::string_view text) {
  JwtKeySet keys;
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  const bool json = begin != std::string_view::npos && text[begin] == '{';
  if (Status status = json ? keys.add_json(text) : keys.add_pem(text); !status.ok())
    return std::unexpected(std::move(status));
  if (keys.size() == 0)
    return invalid_key("no key that verifies tokens; want RSA, P-256, P-384 or Ed25519 for signatures");
  return keys;
}

Status JwtKeySet::add_json(std::string_view text) {
  const std::optional<StrictJson> json = StrictJson::parse(text);
  if (!json) return fail(Code::INVALID_ARGUMENT, "the key set is not JSON, or has a member twice");
  const StrictJson* list = json->find("keys");
  if (!list || !list->array())
    return fail(Code::INVALID_ARGUMENT, "no JSON Web Key Set: want {\"keys\": [...]}");
  for (std::size_t i = 0; i < list->array()->size(); ++i) {
    Result<std::optional<JwtKey>> key = key_of((*list->array())[i]);
    Status status;
    if (!key) {
      status = std::move(key).error();
    } else if (*key) {
      status = add(std::move(**key));
    }
    if (!status.ok())
      return fail(status.code(), "key " + std::to_string(i + 1) + ": " + std::string(status.message()));
  }
  return {};
}

Status JwtKeySet::add_pem(std::string_view text) {
  Result<std::vector<TokenKey>> found = TokenKey::from_pem(text);
  if (!found) return std::move(found).error();
  for (TokenKey& key : *found) {
    const JwtAlgorithms algorithms = key.algorithms();
    if (Status status = add({.id = {}, .algorithms = algorithms, .key = std::move(key)}); !status.ok())
      return status;
  }
  return {};
}

Status JwtKeySet::add(JwtKey key) {
  if (keys_.size() == keys_max) return fail(Code::INVALID_ARGUMENT, "more than 100 keys");
  if (key.id && std::ranges::find(keys_, key.id, &JwtKey::id) != keys_.end())
    return fail(Code::INVALID_ARGUMENT,
                "another key has the \"kid\" " + escape_controls(*key.id, quoted_bytes_max) + " already");
  keys_.push_back(std::move(key));
  return {};
}

std::vector<const JwtKey*> JwtKeySet::candidates(const std::string* id, JwtAlgorithm algorithm) const {
  std::vector<const JwtKey*> named, nameless, all;
  for (const JwtKey& key : keys_) {
    if (id && key.id && *key.id == *id) named.push_back(&key);
    if (!key.algorithms.has(algorithm)) continue;
    all.push_back(&key);
    if (!key.id) nameless.push_back(&key);
  }
  if (!id) return all;
  if (named.empty()) return nameless;
  // A key of this id is the only one, also if the algorithm is not among its own.
  if (!named.front()->algorithms.has(algorithm)) named.clear();
  return named;
}

}  // namespace ringrpc
