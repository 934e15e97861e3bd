#include "signer/digest.h"

#include <cassert>

#include "signer/openssl_algorithms.h"

namespace ringrpc {

Result<Digest> digest_of(Hash hash, Bytes data) {
  // Reused, because creating and freeing a context takes longer than hashing a small message.
  assert(hash != Hash::none);
  thread_local openssl::Owned<EVP_MD_CTX> context;
  if (!context) context.reset(EVP_MD_CTX_new());
  Digest digest;
  unsigned size = 0;
  if (!context || EVP_DigestInit_ex(context.get(), openssl_hash(hash), nullptr) <= 0 ||
      EVP_DigestUpdate(context.get(), data.data(), data.size()) <= 0 ||
      EVP_DigestFinal_ex(context.get(), digest.storage.data(), &size) <= 0)
    return std::unexpected(openssl_failure("hash"));
  digest.size = size;
  return digest;
}

std::string hex(Bytes bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text(2 * bytes.size(), '\0');
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    text[2 * at] = digits[bytes[at] >> 4];
    text[2 * at + 1] = digits[bytes[at] & 15];
  }
  return text;
}

}  // namespace ringrpc
