/// What everybody may know of a key: enough to name it and to verify its signatures.
///
///   Result<PublicKey> key = PublicKey::from_spki(response.spki_der());
///   Status status = key->verify(Algorithm::ed25519, message, signature);
///
/// Unchanging; copies share what they hold, and all methods may be called from several threads at once.
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
  /// From a SubjectPublicKeyInfo in DER (RFC 5280, section 4.1). INVALID_ARGUMENT for what is none, and for
  /// keys that none of the algorithms is for.
  static Result<PublicKey> from_spki(Bytes der);
  /// The public half of OpenSSL's key.
  static Result<PublicKey> of(const EVP_PKEY* key);

  KeyKind kind() const noexcept { return kind_; }
  /// "RSA-2048", "P-256".
  std::string title() const;
  /// Of RSA the modulus, else the curve.
  unsigned bits() const noexcept { return bits_; }
  /// SubjectPublicKeyInfo; valid as long as this.
  Bytes spki() const noexcept { return spki_; }
  /// The same as PEM (RFC 7468), "-----BEGIN PUBLIC KEY-----" and so on; as long as this.
  const std::string& pem() const noexcept { return pem_; }
  /// The SHA-256 of the SPKI in 64 hexadecimal digits, lower case.
  const std::string& id() const noexcept { return id_; }

  /// `input` is the digest of the message, for an algorithm without a hash the message itself; ECDSA
  /// signatures are DER. INVALID_ARGUMENT when the signature is not this key's or the algorithm is not for
  /// this key.
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
