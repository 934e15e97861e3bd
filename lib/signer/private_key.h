/// From a private key in OpenSSL's hands to a Signer: what is checked of every key, loaded or made.
///
///   Result<std::unique_ptr<Signer>> signer = signer_from(std::move(key), policy);
///
/// To be called on a GuardedThread: what OpenSSL computes of the key on the way must be guarded too.
#pragma once

#include <memory>

#include "signer/openssl.h"
#include "signer/signer.h"

namespace ringrpc {

inline constexpr int rsa_bits_min = 2048;
inline constexpr int rsa_bits_max = 8192;  ///< larger ones take a worker tens of milliseconds a signature
/// Of FIPS 186-5. Signatures with smaller ones can be forged where a verifier does not check all of the padding.
inline constexpr unsigned rsa_exponent_min = 65537;

/// INVALID_ARGUMENT when `allowed` names what a key of this kind cannot do; empty is all that it can.
Status check_usable(KeyKind kind, Algorithms allowed);

/// `allowed` may be empty for all that the key can be used with. The key is checked to be what it claims,
/// and signs once with each algorithm, which is verified. INVALID_ARGUMENT when it is weak, damaged or of
/// another type, or `allowed` names what it cannot do.
Result<std::unique_ptr<Signer>> signer_from(openssl::Owned<EVP_PKEY> key, Algorithms allowed);

}  // namespace ringrpc
