/// The signature algorithms and their properties.
///
///   std::optional<Algorithm> algorithm = algorithm_named("RSA_PSS_SHA256");
///   hash_of(*algorithm);                  // Hash::sha256: it signs a digest of 32 bytes
///   algorithms_of(KeyKind::rsa).names();  // "RSA_PKCS1_SHA256, …"
///
/// RSA is PKCS#1 v1.5 or PSS (RFC 8017); PSS uses MGF1 with the same hash and a salt as long as the digest.
/// ECDSA is FIPS 186-5, with the hash of the curve's size. Ed25519 is the pure form of RFC 8032.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringrpc {

enum class Algorithm : std::uint8_t {
  rsa_pkcs1_sha256,
  rsa_pkcs1_sha384,
  rsa_pkcs1_sha512,
  rsa_pss_sha256,
  rsa_pss_sha384,
  rsa_pss_sha512,
  ecdsa_p256_sha256,
  ecdsa_p384_sha384,
  ed25519,
};

inline constexpr std::array every_algorithm = {
    Algorithm::rsa_pkcs1_sha256,  Algorithm::rsa_pkcs1_sha384,  Algorithm::rsa_pkcs1_sha512,
    Algorithm::rsa_pss_sha256,    Algorithm::rsa_pss_sha384,    Algorithm::rsa_pss_sha512,
    Algorithm::ecdsa_p256_sha256, Algorithm::ecdsa_p384_sha384, Algorithm::ed25519};

/// The type of a key. RSA keys come in several sizes.
enum class KeyKind : std::uint8_t { rsa, p256, p384, ed25519 };

/// The hash of an algorithm: it signs the digest, or with `none` the message itself.
enum class Hash : std::uint8_t { none, sha256, sha384, sha512 };

/// The time that a signature takes: some tens of microseconds, or too long to run on a shard.
enum class Cost : std::uint8_t { cheap, expensive };

/// "RSA_PSS_SHA256".
std::string_view name(Algorithm algorithm) noexcept;
std::optional<Algorithm> algorithm_named(std::string_view name) noexcept;

KeyKind key_kind(Algorithm algorithm) noexcept;
Hash hash_of(Algorithm algorithm) noexcept;
bool is_pss(Algorithm algorithm) noexcept;

/// "RSA", "P-256", "P-384" or "Ed25519".
std::string_view name(KeyKind kind) noexcept;
/// The cost of a signature with a key of this kind; of RSA keys, with the smallest.
Cost cost_of(KeyKind kind) noexcept;

/// "SHA256"; empty for `none`.
std::string_view name(Hash hash) noexcept;
/// The size of the digest in bytes; 0 for `none`.
std::size_t digest_bytes(Hash hash) noexcept;

/// A set of algorithms.
class Algorithms {
 public:
  constexpr Algorithms() = default;
  constexpr bool contains(Algorithm algorithm) const noexcept { return (bits_ & bit(algorithm)) != 0; }
  constexpr void add(Algorithm algorithm) noexcept { bits_ |= bit(algorithm); }
  constexpr bool empty() const noexcept { return bits_ == 0; }
  constexpr Algorithms both(Algorithms other) const noexcept {
    Algorithms common;
    common.bits_ = bits_ & other.bits_;
    return common;
  }
  constexpr bool operator==(const Algorithms&) const = default;

  /// The first in the order of the enumeration. The set must not be empty.
  Algorithm first() const noexcept;
  /// "RSA_PSS_SHA256, RSA_PSS_SHA384".
  std::string names() const;

 private:
  static constexpr std::uint16_t bit(Algorithm algorithm) noexcept {
    return static_cast<std::uint16_t>(1u << static_cast<unsigned>(algorithm));
  }
  std::uint16_t bits_ = 0;
};

/// All algorithms for keys of this kind.
Algorithms algorithms_of(KeyKind kind) noexcept;

}  // namespace ringrpc
