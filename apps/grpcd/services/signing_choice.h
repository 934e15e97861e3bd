/// Selects the key and the algorithm for a signing request.
///
///   Result<SigningChoice> choice = choose_signing(keys, sign_rsa_method, request, audit);
///   choice->signer->sign(choice->algorithm, …);
///
/// Errors are INVALID_ARGUMENT, or NOT_FOUND when no such key exists, and list what would be right.
#pragma once

#include <optional>
#include <string_view>

#include "ringrpc/status.h"

#include "crypto/v1/crypto.pb.h"
#include "grpcd/services/signing_audit.h"
#include "signer/key_registry.h"

namespace ringrpc {

/// The algorithms and defaults of one method of the service.
struct SigningMethod {
  std::string_view name;
  Algorithms offered;
  std::optional<Algorithm> fallback;  ///< the default; without one, the named key's first algorithm
};

extern const SigningMethod sign_rsa_method;
extern const SigningMethod sign_ecc_method;
extern const SigningMethod sign_method;

struct SigningChoice {
  const Signer* signer;  ///< belongs to the registry
  Algorithm algorithm;
};

/// Tells `audit` the algorithm and the key as soon as each is known, even if the request then fails.
Result<SigningChoice> choose_signing(const KeyRegistry& keys, const SigningMethod& method,
                                     const crypto::v1::SignRequest& request, SigningAudit& audit);

/// The key that a request names, by type or by id.
Result<const Signer*> choose_key(const KeyRegistry& keys, const crypto::v1::PublicKeyRequest& request);

}  // namespace ringrpc
