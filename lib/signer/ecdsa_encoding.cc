#include "signer/ecdsa_encoding.h"

#include <openssl/bn.h>

#include "signer/openssl_algorithms.h"

namespace ringrpc {

namespace {

int order_bytes(KeyKind curve) noexcept { return curve == KeyKind::p256 ? 32 : 48; }

unsigned char* data_of(std::string& text) noexcept { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* data_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

Result<std::string> raw_from_der(KeyKind curve, std::string_view der) {
  const unsigned char* at = data_of(der);
  const openssl::Owned<ECDSA_SIG> signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  const int bytes = order_bytes(curve);
  std::string raw(2 * static_cast<std::size_t>(bytes), '\0');
  if (!signature || at != data_of(der) + der.size() ||
      BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), data_of(raw), bytes) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), data_of(raw) + bytes, bytes) < 0)
    return std::unexpected(openssl_failure("read an ECDSA signature in DER", Code::INVALID_ARGUMENT));
  return raw;
}

Result<std::string> der_from_raw(KeyKind curve, std::string_view raw) {
  const int bytes = order_bytes(curve);
  if (raw.size() != 2 * static_cast<std::size_t>(bytes))
    return fail(Code::INVALID_ARGUMENT, "a raw signature on " + std::string(name(curve)) + " has " +
                                            std::to_string(2 * bytes) + " bytes, not " +
                                            std::to_string(raw.size()));
  const openssl::Owned<ECDSA_SIG> signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(data_of(raw), bytes, nullptr);
  BIGNUM* s = BN_bin2bn(data_of(raw) + bytes, bytes, nullptr);
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r, s) <= 0) {
    BN_free(r);
    BN_free(s);
    return std::unexpected(openssl_failure("read an ECDSA signature"));
  }
  unsigned char* encoded = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &encoded);
  if (size <= 0) return std::unexpected(openssl_failure("encode an ECDSA signature"));
  std::string der(reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(size));
  OPENSSL_free(encoded);
  return der;
}

}  // namespace ringrpc
