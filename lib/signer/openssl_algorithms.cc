#include "signer/openssl_algorithms.h"

#include <array>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string>

namespace ringrpc {

Status openssl_failure(std::string_view doing, Code code) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  std::string message = "OpenSSL failed to ";
  message.append(doing);
  if (reason) message.append(": ").append(reason);
  return {code, std::move(message), Initiator::library};
}

const EVP_MD* openssl_hash(Hash hash) noexcept {
  if (hash == Hash::none) return nullptr;
  static const std::array<EVP_MD*, 3> fetched = {EVP_MD_fetch(nullptr, "SHA256", nullptr),
                                                 EVP_MD_fetch(nullptr, "SHA384", nullptr),
                                                 EVP_MD_fetch(nullptr, "SHA512", nullptr)};
  return fetched[static_cast<std::size_t>(hash) - 1];
}

Status choose_algorithm(EVP_PKEY_CTX* context, Algorithm algorithm) {
  bool chosen = EVP_PKEY_CTX_set_signature_md(context, openssl_hash(hash_of(algorithm))) > 0;
  if (chosen && key_kind(algorithm) == KeyKind::rsa)
    chosen = EVP_PKEY_CTX_set_rsa_padding(context,
                                          is_pss(algorithm) ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) > 0;
  // OpenSSL's default is the longest possible salt.
  if (chosen && is_pss(algorithm))
    chosen = EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0;
  return chosen ? Status() : openssl_failure(std::string("use ").append(name(algorithm)));
}

}  // namespace ringrpc
