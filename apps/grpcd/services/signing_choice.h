/// What a request for a signature asks for, and whether it can be had.
///
///   Result<SigningChoice> choice = choose_signing(keys, sign_rsa_method, request, audit);
///   choice->signer->sign(choice->algorithm, …);
///
/// Failures are INVALID_ARGUMENT, or NOT_FOUND for a key that there is not, and name what would be right.
#pragma once

#include <optional>
#include <string_view>

#include "ringrpc/status.h"

#include "crypto/v1/crypto.pb.h"
#include "grpcd/services/signing_audit.h"
#include "signer/key_registry.h"

namespace ringrpc {

/// A method's part in the choice.
struct SigningMethod {
  std::string_view name;
  Algorithms offered;
  std::optional<Algorithm> fallback;  ///< none: the named key's
};

extern const SigningMethod sign_rsa_method;
extern const SigningMethod sign_ecc_method;
extern const SigningMethod sign_method;

struct SigningChoice {
  const Signer* signer;  ///< of the registry
  Algorithm algorithm;
};

/// `audit` learns of the algorithm and the key as they are found, also where the request is refused then.
Result<SigningChoice> choose_signing(const KeyRegistry& keys, const SigningMethod& method,
                                     const crypto::v1::SignRequest& request, SigningAudit& audit);

/// The key that a request names, by type or by id.
Result<const Signer*> choose_key(const KeyRegistry& keys, const crypto::v1::PublicKeyRequest& request);

}  // namespace ringrpc
