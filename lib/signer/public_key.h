/// A public key: names a key and verifies its signatures.
///
///   Result<PublicKey> key = PublicKey::from_spki(response.spki_der());
///   Status status = key->verify(Algorithm::ed25519, message, signature);
///
/// It never changes. Copies share their content, and several threads may call all functions at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ringrpc/bytes.h"
#include "ringrpc/status.h"

#include "signer/algorithm.h"

typedef struct evp_pkey_st EVP_PKEY;

namespace ringrpc {

class PublicKey {
 public:
  /// Parses a SubjectPublicKeyInfo in DER (RFC 5280, section 4.1). INVALID_ARGUMENT for other input and for
  /// keys that no algorithm uses.
  static Result<PublicKey> from_spki(Bytes der);
  /// The public half of OpenSSL's key.
  static Result<PublicKey> of(const EVP_PKEY* key);

  KeyKind kind() const noexcept { return kind_; }
  /// "RSA-2048", "P-256".
  std::string title() const;
  /// The size of RSA's modulus, or of the curve.
  unsigned bits() const noexcept { return bits_; }
  /// The SubjectPublicKeyInfo in DER; valid as long as this object.
  Bytes spki() const noexcept { return spki_; }
  /// The same as PEM (RFC 7468), "-----BEGIN PUBLIC KEY-----" and so on; valid as long as this object.
  const std::string& pem() const noexcept { return pem_; }
  /// The SHA-256 of the SPKI as 64 hexadecimal digits in lower case.
  const std::string& id() const noexcept { return id_; }

  /// `input` is the digest of the message, or the message itself for an algorithm without a hash. ECDSA
  /// signatures are DER. INVALID_ARGUMENT if the signature is not valid for this key, or the key cannot be
  /// used with the algorithm.
  Status verify(Algorithm algorithm, Bytes input, Bytes signature) const;

 private:
  PublicKey() = default;

  KeyKind kind_ = KeyKind::rsa;
  unsigned bits_ = 0;
  std::vector<std::uint8_t> spki_;
  std::string pem_;
  std::string id_;
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace ringrpc
