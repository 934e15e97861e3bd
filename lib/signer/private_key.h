/// Makes a Signer of an OpenSSL private key, after the checks that every key passes, loaded or generated.
///
///   Result<std::unique_ptr<Signer>> signer = signer_from(std::move(key), policy);
///
/// Call it on a GuardedThread, because OpenSSL's intermediate values must be guarded too.
#pragma once

#include <memory>

#include "signer/openssl_algorithms.h"
#include "signer/signer.h"

namespace ringrpc {

inline constexpr int rsa_bits_min = 2048;
inline constexpr int rsa_bits_max =
    8192;  ///< one signature with a larger key occupies a worker for tens of milliseconds
/// The minimum of FIPS 186-5. A smaller exponent makes signatures forgeable for verifiers that check
/// padding loosely.
inline constexpr unsigned rsa_exponent_min = 65537;

/// INVALID_ARGUMENT if `allowed` has an algorithm that a key of this kind cannot be used with. Empty means
/// all.
Status check_usable(KeyKind kind, Algorithms allowed);

/// Checks that the key is consistent, and signs once with each algorithm and verifies the signature. An
/// empty `allowed` means all algorithms of the key's kind. INVALID_ARGUMENT if the key is weak, damaged or
/// of an unsupported type, or cannot be used with all of `allowed`.
Result<std::unique_ptr<Signer>> signer_from(openssl::Owned<EVP_PKEY> key, Algorithms allowed);

}  // namespace ringrpc
