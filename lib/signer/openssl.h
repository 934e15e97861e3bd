/// OpenSSL's failures as statuses, and its names for our algorithms. For the sources of lib/signer only.
///
///   const openssl::Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key, nullptr));
///   if (!context) return openssl_failure("a context for signing");
#pragma once

#include <openssl/evp.h>
#include <string_view>

#include "ringrpc/status.h"

#include "base/openssl.h"
#include "signer/algorithm.h"

namespace ringrpc {

/// "OpenSSL failed to sign: bad signature", and an empty error queue. The queue's own words only, never what
/// it attaches to them, which may be of the input.
Status openssl_failure(std::string_view doing, Code code = Code::INTERNAL);

/// OpenSSL's form of a hash; null for none. Looked up once, which each use would otherwise do again.
const EVP_MD* openssl_hash(Hash hash) noexcept;

/// Gives `context` the padding and the hash of an algorithm, once it has been told to sign or to verify.
Status choose_algorithm(EVP_PKEY_CTX* context, Algorithm algorithm);

}  // namespace ringrpc
