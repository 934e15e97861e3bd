/// Estimates the work that an encrypted key file demands for one attempt with a passphrase. The file sets
/// that amount, and OpenSSL obeys. Without a limit a file could keep a program from starting for years.
///
///   if (derivation_cost(pem) > derivation_cost_max) return refuse(...);
#pragma once

#include <cstdint>
#include <string_view>

namespace ringrpc {

/// A few seconds of work: ten times the usual recommendation for PBKDF2, or scrypt with N = 2^20 and r = 8.
inline constexpr std::uint64_t derivation_cost_max = 10'000'000;

/// The work for the PEM block in `pem`, an EncryptedPrivateKeyInfo (RFC 5958, 3): the iterations of PBKDF2
/// and of the older schemes (RFC 8018), or N * r * p of scrypt (RFC 7914). The largest number if the work
/// is too large to represent; 0 for all other text, which no passphrase decrypts.
std::uint64_t derivation_cost(std::string_view pem) noexcept;

}  // namespace ringrpc
