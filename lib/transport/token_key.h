/// A public key that verifies the signatures of tokens. It knows OpenSSL, and the policies that use it do not.
///
///   Result<TokenKey> key = TokenKey::curve("P-256", x, y);
///   bool valid = key->verify(JwtAlgorithm::es256, signed_bytes, signature);
///
/// It never changes, and several threads may use it at once. Failures are INVALID_ARGUMENT and say what is wrong
/// with the key.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/jwt_keys.h"
#include "ringrpc/status.h"

#include "base/openssl.h"

namespace ringrpc {

class JwtAlgorithms {
 public:
  void add(JwtAlgorithm algorithm) noexcept { bits_ |= 1u << static_cast<unsigned>(algorithm); }
  bool has(JwtAlgorithm algorithm) const noexcept {
    return (bits_ >> static_cast<unsigned>(algorithm) & 1u) != 0;
  }
  bool empty() const noexcept { return bits_ == 0; }

 private:
  std::uint32_t bits_ = 0;
};

class TokenKey {
 public:
  /// SHA-256 of the key's DER form (SubjectPublicKeyInfo): equal for equal keys alone.
  using Fingerprint = std::array<std::uint8_t, 32>;

  /// From big-endian numbers: modulus and exponent; 2048 to 8192 bits, an odd exponent from 3 to 32 bits.
  static Result<TokenKey> rsa(const std::string& modulus, const std::string& exponent);
  /// A point on "P-256" or "P-384", each coordinate as long as the curve's field.
  static Result<TokenKey> curve(std::string_view name, const std::string& x, const std::string& y);
  static Result<TokenKey> ed25519(const std::string& key);
  /// The public keys of a PEM text, of any number; a failure has the number of the key.
  static Result<std::vector<TokenKey>> from_pem(std::string_view text);

  /// Those of its kind.
  JwtAlgorithms algorithms() const noexcept { return algorithms_; }
  /// False unless `algorithm` is among them and the signature is valid. `signature` is as in JWS: that of ECDSA
  /// is r followed by s.
  bool verify(JwtAlgorithm algorithm, std::string_view text, std::string_view signature) const;
  const Fingerprint& fingerprint() const noexcept { return fingerprint_; }

 private:
  TokenKey() = default;
  /// Checks the strength of the key.
  static Result<TokenKey> of(openssl::Owned<EVP_PKEY> key);

  JwtAlgorithms algorithms_;
  Fingerprint fingerprint_{};
  openssl::Owned<EVP_PKEY> key_;
};

}  // namespace ringrpc
