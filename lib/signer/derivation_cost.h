/// What an encrypted key file makes its reader work before a passphrase can be tried. The file says how much,
/// and OpenSSL does as it says: without a limit a file can keep a program from starting for years.
///
///   if (derivation_cost(pem) > derivation_cost_max) return refuse(...);
#pragma once

#include <cstdint>
#include <string_view>

namespace ringrpc {

/// A few seconds' work. Ten times what is recommended for PBKDF2 today, and of scrypt N = 2^20 with r = 8.
inline constexpr std::uint64_t derivation_cost_max = 10'000'000;

/// Of the PEM block in `pem` when it is an EncryptedPrivateKeyInfo (RFC 5958, 3): the iterations of PBKDF2
/// and of the older schemes (RFC 8018), of scrypt N * r * p (RFC 7914). The largest number for one that is
/// too large to read; 0 for all else, which no passphrase decrypts.
std::uint64_t derivation_cost(std::string_view pem) noexcept;

}  // namespace ringrpc
