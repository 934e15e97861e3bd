/// The public keys that signed JSON Web Tokens are verified with (RFC 7517), for ringrpc/jwt_auth.h.
///
///   auto keys = JwtKeys::load(Pem::file("/etc/routes/jwks.json"));
///   if (!keys) return report(keys.error());
///   Status status = (*keys)->reload();      // the issuer has new keys; a failure changes nothing
///
/// The file is a JSON Web Key Set, or PEM with one or more public keys ("-----BEGIN PUBLIC KEY-----").
/// Usable keys are RSA of 2048 to 8192 bits, P-256, P-384 and Ed25519. Each verifies only the algorithms of
/// its kind, and one with the member `alg` only that algorithm; the token has no say in it.
#pragma once

#include "ringrpc/compiler.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "ringrpc/export.h"
#include "ringrpc/status.h"
#include "ringrpc/tls.h"

namespace ringrpc {

/// An algorithm that signs tokens (RFC 7518, 3.1, and RFC 8037). There is none with a shared secret, and no
/// "none".
enum class JwtAlgorithm : std::uint8_t { rs256, rs384, rs512, ps256, ps384, ps512, es256, es384, eddsa };

/// "RS256", "EdDSA".
RINGRPC_EXPORT std::string_view name(JwtAlgorithm algorithm) noexcept;
/// The algorithm of that name, in exactly these letters.
RINGRPC_EXPORT std::optional<JwtAlgorithm> jwt_algorithm(std::string_view name) noexcept;

class JwtKeySet;

/// Public keys that can be replaced while calls use them. All functions may be called from any thread.
class RINGRPC_EXPORT JwtKeys {
 public:
  /// Reads and checks the keys; at most 1 MiB, and 100 keys. Fails as Pem::read does, and with
  /// INVALID_ARGUMENT, which names the file and the key, for
  /// - text that is neither PEM nor a key set, or has no usable key
  /// - a private or symmetric key, which does not belong into this file
  /// - a weak or malformed key: RSA of fewer than 2048 bits, a point that is not on its curve
  /// - an `alg` that does not fit the key
  /// - two keys with the same `kid`
  ///
  /// A key set's keys of other types, curves or algorithms, and those that are not for signatures (`use`,
  /// `key_ops`), are left out (RFC 7517, 5).
  [[nodiscard]] static Result<std::shared_ptr<JwtKeys>> load(const Pem& keys);
  JwtKeys(const JwtKeys&) = delete;
  JwtKeys& operator=(const JwtKeys&) = delete;
  ~JwtKeys();

  /// Reads the file again. Tokens are verified with the new keys from then on. A token that was verified
  /// before stays valid only if its key is still there, with the same `kid`. A failure, as of `load`, changes
  /// nothing. Do not call it on a shard: it reads a file.
  Status reload();

  /// True if the file differs from the one that was last loaded or refused, by its inode, size or time of
  /// change. Do not call it on a shard: it asks the file system.
  bool file_changed() const;

  /// The number of usable keys.
  std::size_t size() const;

 private:
  friend struct detail::Internals;
  struct State;
  explicit JwtKeys(std::unique_ptr<State> state) noexcept;
  std::shared_ptr<const JwtKeySet> keys() const;
  /// Differs after each successful reload.
  std::uint64_t version() const noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace ringrpc
