/// OpenSSL's objects with an owner, and its failures as statuses. For the sources of lib/signer only.
///
///   const OpensslPtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key, nullptr));
///   if (!context) return openssl_failure("a context for signing");
#pragma once

#include <memory>
#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <string_view>

#include "ringrpc/status.h"

#include "signer/algorithm.h"

namespace ringrpc {

struct OpensslDelete {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const noexcept { EVP_PKEY_CTX_free(context); }
  void operator()(BIO* stream) const noexcept { BIO_free(stream); }
  void operator()(ECDSA_SIG* signature) const noexcept { ECDSA_SIG_free(signature); }
};

template <class T>
using OpensslPtr = std::unique_ptr<T, OpensslDelete>;

/// "OpenSSL failed to sign: bad signature", and an empty error queue. The queue's own words only, never what
/// it attaches to them, which may be of the input.
Status openssl_failure(std::string_view doing, Code code = Code::INTERNAL);

/// OpenSSL's form of a hash; null for none. Looked up once, which each use would otherwise do again.
const EVP_MD* openssl_hash(Hash hash) noexcept;

/// Gives `context` the padding and the hash of an algorithm, once it has been told to sign or to verify.
Status choose_algorithm(EVP_PKEY_CTX* context, Algorithm algorithm);

}  // namespace ringrpc
