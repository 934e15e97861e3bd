/// OpenSSL's failures as statuses, and its names for the algorithms. Only for the sources of lib/signer.
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

/// "OpenSSL failed to sign: bad signature". Clears the error queue. Uses only the queue's own text, never
/// the attached data, which may quote the input.
Status openssl_failure(std::string_view doing, Code code = Code::INTERNAL);

/// OpenSSL's object for a hash; null for `none`. It is looked up once, because each lookup costs.
const EVP_MD* openssl_hash(Hash hash) noexcept;

/// Sets the padding and the hash of an algorithm. `context` must have been initialized to sign or to verify.
Status choose_algorithm(EVP_PKEY_CTX* context, Algorithm algorithm);

}  // namespace ringrpc
