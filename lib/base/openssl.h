/// Owners for OpenSSL's objects, and the text of its errors. Only lib/signer and the tls_* files of
/// lib/transport know OpenSSL; the base does not link it.
///
///   const openssl::Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key, nullptr));
#pragma once

#include <memory>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string>

namespace ringrpc::openssl {

struct Free {
  void operator()(BIGNUM* each) const noexcept { BN_free(each); }
  void operator()(BIO* each) const noexcept { BIO_free(each); }
  void operator()(BIO_METHOD* each) const noexcept { BIO_meth_free(each); }
  void operator()(ECDSA_SIG* each) const noexcept { ECDSA_SIG_free(each); }
  void operator()(EVP_MD_CTX* each) const noexcept { EVP_MD_CTX_free(each); }
  void operator()(EVP_PKEY* each) const noexcept { EVP_PKEY_free(each); }
  void operator()(EVP_PKEY_CTX* each) const noexcept { EVP_PKEY_CTX_free(each); }
  void operator()(SSL* each) const noexcept { SSL_free(each); }
  void operator()(SSL_CTX* each) const noexcept { SSL_CTX_free(each); }
  void operator()(SSL_SESSION* each) const noexcept { SSL_SESSION_free(each); }
  void operator()(X509* each) const noexcept { X509_free(each); }
  void operator()(GENERAL_NAMES* each) const noexcept { GENERAL_NAMES_free(each); }
  void operator()(PBE2PARAM* each) const noexcept { PBE2PARAM_free(each); }
  void operator()(PBEPARAM* each) const noexcept { PBEPARAM_free(each); }
  void operator()(PBKDF2PARAM* each) const noexcept { PBKDF2PARAM_free(each); }
  void operator()(SCRYPT_PARAMS* each) const noexcept { SCRYPT_PARAMS_free(each); }
  void operator()(X509_SIG* each) const noexcept { X509_SIG_free(each); }
  void operator()(unsigned char* bytes) const noexcept { OPENSSL_free(bytes); }
};

template <class T>
using Owned = std::unique_ptr<T, Free>;

/// The text of an OpenSSL error.
inline std::string text_of(unsigned long error) {
  const char* reason = ERR_reason_error_string(error);
  return reason ? reason : "error " + std::to_string(error);
}

/// The text of this thread's last OpenSSL error. Clears the error queue.
inline std::string last_error() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  return text_of(error);
}

}  // namespace ringrpc::openssl
