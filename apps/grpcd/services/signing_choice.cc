#include "grpcd/services/signing_choice.h"

#include <initializer_list>
#include <string>

namespace ringrpc {

using crypto::v1::PublicKeyRequest;
using crypto::v1::SignRequest;

namespace {

constexpr std::size_t listed_keys_max = 8;
constexpr std::size_t quoted_bytes_max = 80;

Algorithms all_of(std::initializer_list<KeyKind> kinds) {
  Algorithms all;
  for (const Algorithm algorithm : every_algorithm)
    for (const KeyKind kind : kinds)
      if (key_kind(algorithm) == kind) all.add(algorithm);
  return all;
}

/// A client's text in quotes, cut to a length that fits into an error message.
std::string quote(const std::string& text) {
  return "'" + (text.size() > quoted_bytes_max ? text.substr(0, quoted_bytes_max) + "..." : text) + "'";
}

/// "7c1e… for ED25519; …".
std::string list(const KeyRegistry& keys) {
  if (keys.all().empty()) return "there are no keys";
  std::string listed;
  for (const auto& signer : keys.all().first(std::min(keys.all().size(), listed_keys_max)))
    listed += (listed.empty() ? "there is " : "; ") + signer->public_key().id() + " for " +
              signer->algorithms().names();
  return keys.all().size() > listed_keys_max ? listed + "; and more" : listed;
}

Result<const Signer*> key_with_id(const KeyRegistry& keys, const std::string& id) {
  if (const Signer* const found = keys.with_id(id)) return found;
  return fail(Code::NOT_FOUND, "no key has the id " + quote(id) + "; " + list(keys));
}

Result<Algorithm> choose_algorithm(const SigningMethod& method, const SignRequest& request,
                                   const Signer* named) {
  if (request.algorithm().empty()) {
    if (method.fallback) return *method.fallback;
    if (named) return named->algorithms().first();
    return fail(
        Code::INVALID_ARGUMENT,
        std::string(method.name) + " needs an algorithm or a key_id; choose among " + method.offered.names());
  }
  const std::optional<Algorithm> algorithm = algorithm_named(request.algorithm());
  if (!algorithm)
    return fail(Code::INVALID_ARGUMENT,
                quote(request.algorithm()) + " is not an algorithm; choose among " + method.offered.names());
  if (!method.offered.contains(*algorithm))
    return fail(Code::INVALID_ARGUMENT, std::string(method.name) + " does not offer " + request.algorithm() +
                                            "; choose among " + method.offered.names());
  return *algorithm;
}

Status check_form(Algorithm algorithm, const SignRequest& request) {
  const std::string named(name(algorithm));
  const Hash hash = hash_of(algorithm);
  switch (request.message_type()) {
    case crypto::v1::RAW:
      break;
    case crypto::v1::DIGEST:
      if (hash == Hash::none)
        return fail(Code::INVALID_ARGUMENT, named + " signs whole messages, not digests; send RAW data");
      if (request.data().size() != digest_bytes(hash))
        return fail(Code::INVALID_ARGUMENT,
                    named + " takes a digest of " + std::to_string(digest_bytes(hash)) + " bytes (" +
                        std::string(name(hash)) + "), not of " + std::to_string(request.data().size()));
      break;
    default:
      return fail(Code::INVALID_ARGUMENT, "message_type " + std::to_string(request.message_type()) +
                                              " is unknown; choose RAW (0) or DIGEST (1)");
  }
  const bool ecdsa = sign_ecc_method.offered.contains(algorithm);
  if (request.encoding() == crypto::v1::DER || (request.encoding() == crypto::v1::RAW_RS && ecdsa)) return {};
  if (ecdsa || request.encoding() != crypto::v1::RAW_RS)
    return fail(Code::INVALID_ARGUMENT, "encoding " + std::to_string(request.encoding()) +
                                            " is unknown; choose DER (0) or RAW_RS (1)");
  return fail(Code::INVALID_ARGUMENT, "RAW_RS is for ECDSA only; leave out the encoding for " + named);
}

/// Null when there is no key of this type.
const Signer* key_of_type(const KeyRegistry& keys, crypto::v1::KeyType type) {
  switch (type) {
    case crypto::v1::RSA:
      return keys.of_kind(KeyKind::rsa);
    case crypto::v1::ECC:
      if (const Signer* const found = keys.of_kind(KeyKind::p256)) return found;
      return keys.of_kind(KeyKind::p384);
    case crypto::v1::ECC_P384:
      return keys.of_kind(KeyKind::p384);
    case crypto::v1::ED25519:
      return keys.of_kind(KeyKind::ed25519);
    default:
      return nullptr;
  }
}

bool has_type(const Signer& signer, crypto::v1::KeyType type) {
  const KeyKind kind = signer.public_key().kind();
  switch (type) {
    case crypto::v1::RSA:
      return kind == KeyKind::rsa;
    case crypto::v1::ECC:
      return kind == KeyKind::p256 || kind == KeyKind::p384;
    case crypto::v1::ECC_P384:
      return kind == KeyKind::p384;
    case crypto::v1::ED25519:
      return kind == KeyKind::ed25519;
    default:
      return false;
  }
}

}  // namespace

const SigningMethod sign_rsa_method{"SignRSA", all_of({KeyKind::rsa}), Algorithm::rsa_pss_sha256};
const SigningMethod sign_ecc_method{"SignECC", all_of({KeyKind::p256, KeyKind::p384}),
                                    Algorithm::ecdsa_p256_sha256};
const SigningMethod sign_method{
    "Sign", all_of({KeyKind::rsa, KeyKind::p256, KeyKind::p384, KeyKind::ed25519}), std::nullopt};

namespace {

/// The error for a key that has no algorithm of `method`.
Status misfit(const SigningMethod& method, const Signer& signer) {
  std::string others;
  for (const SigningMethod* each : {&sign_rsa_method, &sign_ecc_method, &sign_method})
    if (!signer.algorithms().both(each->offered).empty())
      others.append(others.empty() ? "" : " or ").append(each->name);
  return Status(Code::INVALID_ARGUMENT, "key " + signer.public_key().id() + " is not for " +
                                            std::string(method.name) + "; call " + others +
                                            ", and choose among " + signer.algorithms().names());
}

}  // namespace

Result<SigningChoice> choose_signing(const KeyRegistry& keys, const SigningMethod& method,
                                     const SignRequest& request, SigningAudit& audit) {
  if (const auto asked = algorithm_named(request.algorithm())) audit.uses(*asked);
  const Signer* signer = nullptr;
  if (!request.key_id().empty()) {
    const Result<const Signer*> named = key_with_id(keys, request.key_id());
    if (!named) return std::unexpected(named.error());
    signer = *named;
    audit.uses(*signer);
    if (signer->algorithms().both(method.offered).empty()) return std::unexpected(misfit(method, *signer));
  }
  const Result<Algorithm> algorithm = choose_algorithm(method, request, signer);
  if (!algorithm) return std::unexpected(algorithm.error());
  audit.uses(*algorithm);
  if (!signer) signer = keys.with_algorithm(*algorithm);
  if (!signer)
    return fail(Code::NOT_FOUND, "no key is for " + std::string(name(*algorithm)) + "; " + list(keys));
  audit.uses(*signer);
  if (!signer->algorithms().contains(*algorithm))
    return fail(Code::INVALID_ARGUMENT, "key " + signer->public_key().id() + " is not for " +
                                            std::string(name(*algorithm)) + "; choose among " +
                                            signer->algorithms().both(method.offered).names());
  if (Status status = check_form(*algorithm, request); !status.ok())
    return std::unexpected(std::move(status));
  return SigningChoice{signer, *algorithm};
}

Result<const Signer*> choose_key(const KeyRegistry& keys, const PublicKeyRequest& request) {
  const crypto::v1::KeyType type = request.key_type();
  if (type != crypto::v1::KEY_TYPE_UNSPECIFIED && !crypto::v1::KeyType_IsValid(type))
    return fail(Code::INVALID_ARGUMENT,
                "key_type " + std::to_string(type) +
                    " is unknown; choose RSA (1), ECC (2), ED25519 (3) or ECC_P384 (4)");
  if (!request.key_id().empty()) {
    const Result<const Signer*> named = key_with_id(keys, request.key_id());
    if (named && type != crypto::v1::KEY_TYPE_UNSPECIFIED && !has_type(**named, type))
      return fail(Code::INVALID_ARGUMENT, "key " + request.key_id() + " is not of type " +
                                              crypto::v1::KeyType_Name(type) + "; give key_id alone");
    return named;
  }
  if (type == crypto::v1::KEY_TYPE_UNSPECIFIED)
    return fail(Code::INVALID_ARGUMENT, "neither key_type nor key_id is given; " + list(keys));
  if (const Signer* const found = key_of_type(keys, type)) return found;
  return fail(Code::NOT_FOUND, "no key is of type " + crypto::v1::KeyType_Name(type) + "; " + list(keys));
}

}  // namespace ringrpc
