#include "signer/public_key.h"

#include <array>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <utility>

#include "signer/digest.h"
#include "signer/openssl_algorithms.h"

namespace ringrpc {

namespace {

constexpr std::size_t spki_bytes_max = 4096;

/// The kind of OpenSSL's key.
Result<KeyKind> kind_of(const EVP_PKEY* key) {
  const std::string_view type = EVP_PKEY_get0_type_name(key) ? EVP_PKEY_get0_type_name(key) : "unknown";
  if (type == "RSA") return KeyKind::rsa;
  if (type == "ED25519") return KeyKind::ed25519;
  std::string what(type);
  if (type == "EC") {
    std::array<char, 64> curve{};
    if (EVP_PKEY_get_group_name(key, curve.data(), curve.size(), nullptr) <= 0) {
      curve = {"explicit parameters"};
      ERR_clear_error();
    }
    const std::string_view named(curve.data());
    if (named == "prime256v1") return KeyKind::p256;
    if (named == "secp384r1") return KeyKind::p384;
    what.append(" on ").append(named);
  }
  return fail(
      Code::INVALID_ARGUMENT,
      "a key of type " + what + " signs with none of the algorithms; use RSA, P-256, P-384 or Ed25519");
}

Result<std::string> pem_of(Bytes spki) {
  const openssl::Owned<BIO> text(BIO_new(BIO_s_mem()));
  if (!text ||
      PEM_write_bio(text.get(), PEM_STRING_PUBLIC, "", spki.data(), static_cast<long>(spki.size())) <= 0)
    return std::unexpected(openssl_failure("write a public key as PEM"));
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

bool verify_ed25519(const EVP_PKEY* key, Bytes message, Bytes signature) {
  static const bool started = sodium_init() >= 0;
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> raw{};
  std::size_t size = raw.size();
  return started && EVP_PKEY_get_raw_public_key(key, raw.data(), &size) > 0 && size == raw.size() &&
         signature.size() == crypto_sign_BYTES &&
         crypto_sign_verify_detached(signature.data(), message.data(), message.size(), raw.data()) == 0;
}

}  // namespace

Result<PublicKey> PublicKey::of(const EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return std::unexpected(openssl_failure("encode a public key"));
  const std::vector<std::uint8_t> spki(der, der + size);
  OPENSSL_free(der);
  return from_spki(spki);
}

Result<PublicKey> PublicKey::from_spki(Bytes der) {
  if (der.size() > spki_bytes_max)
    return fail(Code::INVALID_ARGUMENT,
                "a public key has " + std::to_string(spki_bytes_max) + " bytes at most");
  const unsigned char* at = der.data();
  openssl::Owned<EVP_PKEY> key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != der.data() + der.size())
    return std::unexpected(
        openssl_failure("read a public key; give SubjectPublicKeyInfo in DER", Code::INVALID_ARGUMENT));
  const Result<KeyKind> kind = kind_of(key.get());
  if (!kind) return std::unexpected(kind.error());
  const Result<Digest> id = digest_of(Hash::sha256, der);
  if (!id) return std::unexpected(id.error());
  Result<std::string> pem = pem_of(der);
  if (!pem) return std::unexpected(std::move(pem).error());

  PublicKey made;
  made.kind_ = *kind;
  made.bits_ = *kind == KeyKind::ed25519 ? 256 : static_cast<unsigned>(EVP_PKEY_get_bits(key.get()));
  made.spki_.assign(der.begin(), der.end());
  made.pem_ = std::move(*pem);
  made.id_ = hex(id->bytes());
  made.key_ = std::shared_ptr<EVP_PKEY>(key.release(), openssl::Free());
  return made;
}

std::string PublicKey::title() const {
  const std::string kind(name(kind_));
  return kind_ == KeyKind::rsa ? kind + "-" + std::to_string(bits_) : kind;
}

Status PublicKey::verify(Algorithm algorithm, Bytes input, Bytes signature) const {
  if (key_kind(algorithm) != kind_)
    return fail(Code::INVALID_ARGUMENT,
                std::string(name(algorithm)) + " is not for keys of type " + std::string(name(kind_)));
  bool verified = false;
  if (kind_ == KeyKind::ed25519) {
    verified = verify_ed25519(key_.get(), input, signature);
  } else {
    const openssl::Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key_.get(), nullptr));
    if (!context || EVP_PKEY_verify_init(context.get()) <= 0) return openssl_failure("verify");
    if (Status status = choose_algorithm(context.get(), algorithm); !status.ok()) return status;
    verified =
        EVP_PKEY_verify(context.get(), signature.data(), signature.size(), input.data(), input.size()) == 1;
  }
  ERR_clear_error();  // the errors say only that the signature is wrong
  if (verified) return {};
  return fail(Code::INVALID_ARGUMENT, "the signature is not one of key " + id_ + " with " +
                                          std::string(name(algorithm)) + " over this input");
}

}  // namespace ringrpc
