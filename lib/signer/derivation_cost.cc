#include "signer/derivation_cost.h"

#include <limits>
#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "signer/openssl_algorithms.h"

namespace ringrpc {
namespace {

constexpr std::uint64_t too_much = std::numeric_limits<std::uint64_t>::max();

using openssl::Owned;

/// The parameters of an algorithm, parsed as the structure that `item` describes; null if they are not one.
template <class T>
Owned<T> parameters_of(const X509_ALGOR& algorithm, const ASN1_ITEM* item) {
  return Owned<T>(static_cast<T*>(ASN1_TYPE_unpack_sequence(item, algorithm.parameter)));
}

std::uint64_t number(const ASN1_INTEGER* integer) {
  std::uint64_t value = 0;
  return ASN1_INTEGER_get_uint64(&value, integer) == 1 ? value : too_much;
}

std::uint64_t product(std::uint64_t a, std::uint64_t b) {
  std::uint64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? too_much : result;
}

std::uint64_t cost_of_scrypt(const X509_ALGOR& algorithm) {
  const auto given = parameters_of<SCRYPT_PARAMS>(algorithm, ASN1_ITEM_rptr(SCRYPT_PARAMS));
  if (!given) return 0;
  return product(product(number(given->costParameter), number(given->blockSize)),
                 number(given->parallelizationParameter));
}

std::uint64_t cost_of(const X509_ALGOR& algorithm) {
  switch (OBJ_obj2nid(algorithm.algorithm)) {
    case NID_pbes2: {
      const auto given = parameters_of<PBE2PARAM>(algorithm, ASN1_ITEM_rptr(PBE2PARAM));
      // PBES2 must not be nested in itself.
      if (!given || OBJ_obj2nid(given->keyfunc->algorithm) == NID_pbes2) return 0;
      return cost_of(*given->keyfunc);
    }
    case NID_id_pbkdf2: {
      const auto given = parameters_of<PBKDF2PARAM>(algorithm, ASN1_ITEM_rptr(PBKDF2PARAM));
      return given ? number(given->iter) : 0;
    }
    case NID_id_scrypt:
      return cost_of_scrypt(algorithm);
    default: {  // the schemes of PKCS#5 version 1 and PKCS#12
      const auto given = parameters_of<PBEPARAM>(algorithm, ASN1_ITEM_rptr(PBEPARAM));
      return given ? number(given->iter) : 0;
    }
  }
}

Owned<X509_SIG> envelope(std::string_view pem) {
  const Owned<BIO> stream(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  char* label = nullptr;
  char* header = nullptr;
  unsigned char* bytes = nullptr;
  long size = 0;
  if (!stream || PEM_read_bio(stream.get(), &label, &header, &bytes, &size) != 1) return nullptr;
  OPENSSL_free(label);
  OPENSSL_free(header);
  const Owned<unsigned char> der(bytes);
  const unsigned char* at = der.get();
  return Owned<X509_SIG>(d2i_X509_SIG(nullptr, &at, size));
}

}  // namespace

std::uint64_t derivation_cost(std::string_view pem) noexcept {
  const Owned<X509_SIG> encrypted = envelope(pem);
  std::uint64_t cost = 0;
  if (encrypted) {
    const X509_ALGOR* algorithm = nullptr;
    X509_SIG_get0(encrypted.get(), &algorithm, nullptr);
    cost = cost_of(*algorithm);
  }
  ERR_clear_error();
  return cost;
}

}  // namespace ringrpc
