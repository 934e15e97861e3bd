#include "signer/digest.h"

#include "signer/openssl.h"

namespace ringrpc {

Result<Digest> digest_of(Hash hash, Bytes data) {
  Digest digest;
  unsigned size = 0;
  if (EVP_Digest(data.data(), data.size(), digest.storage.data(), &size, openssl_hash(hash), nullptr) <= 0)
    return std::unexpected(openssl_failure("hash"));
  digest.size = size;
  return digest;
}

std::string hex(Bytes bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

}  // namespace ringrpc
