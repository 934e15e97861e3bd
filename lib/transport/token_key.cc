#include "transport/token_key.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <optional>
#include <utility>

namespace ringrpc {
namespace {

constexpr int rsa_bits_min = 2048;
constexpr int rsa_bits_max = 8192;  // more would only make verification slow
constexpr int rsa_exponent_bits_max = 32;
constexpr std::size_t p256_bytes = 32;
constexpr std::size_t p384_bytes = 48;
constexpr std::size_t ed25519_bytes = 32;
struct AlgorithmTraits {
  JwtAlgorithm algorithm;
  std::string_view name;
  const EVP_MD* (*digest)();  // null for EdDSA, which has its own
};

constexpr std::array<AlgorithmTraits, 9> algorithm_traits{{
    {JwtAlgorithm::rs256, "RS256", EVP_sha256},
    {JwtAlgorithm::rs384, "RS384", EVP_sha384},
    {JwtAlgorithm::rs512, "RS512", EVP_sha512},
    {JwtAlgorithm::ps256, "PS256", EVP_sha256},
    {JwtAlgorithm::ps384, "PS384", EVP_sha384},
    {JwtAlgorithm::ps512, "PS512", EVP_sha512},
    {JwtAlgorithm::es256, "ES256", EVP_sha256},
    {JwtAlgorithm::es384, "ES384", EVP_sha384},
    {JwtAlgorithm::eddsa, "EdDSA", nullptr},
}};

const AlgorithmTraits& traits_of(JwtAlgorithm algorithm) noexcept {
  return algorithm_traits[static_cast<std::size_t>(algorithm)];
}

bool is_pss(JwtAlgorithm algorithm) noexcept {
  return algorithm >= JwtAlgorithm::ps256 && algorithm <= JwtAlgorithm::ps512;
}

std::unexpected<Status> weak_key(std::string why) { return fail(Code::INVALID_ARGUMENT, std::move(why)); }

struct FreeParams {
  void operator()(OSSL_PARAM* each) const noexcept { OSSL_PARAM_free(each); }
  void operator()(OSSL_PARAM_BLD* each) const noexcept { OSSL_PARAM_BLD_free(each); }
};
using KeyParams = std::unique_ptr<OSSL_PARAM_BLD, FreeParams>;

/// Null if OpenSSL refuses the key.
openssl::Owned<EVP_PKEY> make_public_key(const char* type, OSSL_PARAM_BLD* builder) {
  const std::unique_ptr<OSSL_PARAM, FreeParams> params(OSSL_PARAM_BLD_to_param(builder));
  const openssl::Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    made = nullptr;
  ERR_clear_error();
  return openssl::Owned<EVP_PKEY>(made);
}

bool is_valid_point(EVP_PKEY* key) {
  const openssl::Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key, nullptr));
  const bool valid = context && EVP_PKEY_public_check(context.get()) == 1;
  ERR_clear_error();
  return valid;
}

/// The algorithms of the kind of `key`, once its strength is checked. Empty for a kind that no algorithm
/// uses.
Result<JwtAlgorithms> algorithms_of(EVP_PKEY* key) {
  JwtAlgorithms algorithms;
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: {
      const int bits = EVP_PKEY_get_bits(key);
      if (bits < rsa_bits_min || bits > rsa_bits_max)
        return weak_key("RSA of " + std::to_string(bits) + " bits; use 2048 to 8192 bits");
      BIGNUM* found = nullptr;
      const bool known = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &found) == 1;
      const openssl::Owned<BIGNUM> exponent(found);
      if (!known || BN_is_odd(found) == 0 || BN_is_one(found) == 1 ||
          BN_num_bits(found) > rsa_exponent_bits_max)
        return weak_key("an RSA exponent that is not an odd number from 3 to 32 bits");
      for (const auto each : {JwtAlgorithm::rs256, JwtAlgorithm::rs384, JwtAlgorithm::rs512,
                              JwtAlgorithm::ps256, JwtAlgorithm::ps384, JwtAlgorithm::ps512})
        algorithms.add(each);
      return algorithms;
    }
    case EVP_PKEY_EC: {
      std::array<char, 64> curve{};
      if (EVP_PKEY_get_group_name(key, curve.data(), curve.size(), nullptr) != 1) return algorithms;
      const std::string_view found = curve.data();
      if (found != SN_X9_62_prime256v1 && found != SN_secp384r1) return algorithms;
      if (!is_valid_point(key)) return weak_key("a point that is not on the curve");
      algorithms.add(found == SN_secp384r1 ? JwtAlgorithm::es384 : JwtAlgorithm::es256);
      return algorithms;
    }
    case EVP_PKEY_ED25519:
      algorithms.add(JwtAlgorithm::eddsa);
      return algorithms;
    default:
      return algorithms;
  }
}

/// False if there is no memory.
bool take_fingerprint(EVP_PKEY* key, TokenKey::Fingerprint& fingerprint) {
  unsigned char* encoded = nullptr;
  const int size = i2d_PUBKEY(key, &encoded);
  const openssl::Owned<unsigned char> owned(encoded);
  return size > 0 && EVP_Digest(encoded, static_cast<std::size_t>(size), fingerprint.data(), nullptr,
                                EVP_sha256(), nullptr) == 1;
}

const unsigned char* as_unsigned(const std::string& bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// The next block of a PEM text.
struct PemBlock {
  explicit PemBlock(BIO& source) {
    char* type = nullptr;
    char* fields = nullptr;
    unsigned char* bytes = nullptr;
    long size = 0;
    if (PEM_read_bio(&source, &type, &fields, &bytes, &size) == 1) {
      is_public_key = std::string_view(type) == PEM_STRING_PUBLIC;
      der.assign(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
    } else {
      at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    }
    OPENSSL_free(type);
    OPENSSL_free(fields);
    OPENSSL_free(bytes);
    ERR_clear_error();
  }

  /// Null if it is none.
  openssl::Owned<EVP_PKEY> public_key() const {
    if (!is_public_key) return nullptr;
    const unsigned char* at = as_unsigned(der);
    openssl::Owned<EVP_PKEY> key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
    ERR_clear_error();
    return key;
  }

  bool at_end = false;
  bool is_public_key = false;
  std::string der;
};

/// ECDSA's DER form of r followed by s; empty if `raw` has another length.
std::string der_signature(std::string_view raw, std::size_t number_bytes) {
  if (raw.size() != 2 * number_bytes) return {};
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
  const openssl::Owned<ECDSA_SIG> pair(ECDSA_SIG_new());
  openssl::Owned<BIGNUM> r(BN_bin2bn(bytes, static_cast<int>(number_bytes), nullptr));
  openssl::Owned<BIGNUM> s(BN_bin2bn(bytes + number_bytes, static_cast<int>(number_bytes), nullptr));
  if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();
  (void)s.release();
  unsigned char* encoded = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &encoded);
  const openssl::Owned<unsigned char> owned(encoded);
  return size <= 0 ? std::string()
                   : std::string(reinterpret_cast<char*>(encoded), static_cast<std::size_t>(size));
}

}  // namespace

std::string_view name(JwtAlgorithm algorithm) noexcept { return traits_of(algorithm).name; }

std::optional<JwtAlgorithm> jwt_algorithm(std::string_view name) noexcept {
  const auto found = std::ranges::find(algorithm_traits, name, &AlgorithmTraits::name);
  if (found == algorithm_traits.end()) return std::nullopt;
  return found->algorithm;
}

Result<TokenKey> TokenKey::of(openssl::Owned<EVP_PKEY> key) {
  const Result<JwtAlgorithms> algorithms = algorithms_of(key.get());
  if (!algorithms) return std::unexpected(algorithms.error());
  if (algorithms->empty()) return weak_key("want RSA, P-256, P-384 or Ed25519");
  TokenKey made;
  made.algorithms_ = *algorithms;
  if (!take_fingerprint(key.get(), made.fingerprint_)) return weak_key("a key without a DER form");
  made.key_ = std::move(key);
  return made;
}

Result<TokenKey> TokenKey::rsa(const std::string& modulus, const std::string& exponent) {
  constexpr std::size_t bytes_max = 2 * rsa_bits_max / 8;
  if (modulus.size() > bytes_max || exponent.size() > bytes_max)
    return weak_key("RSA of more than 8192 bits");
  const openssl::Owned<BIGNUM> n(BN_bin2bn(as_unsigned(modulus), static_cast<int>(modulus.size()), nullptr));
  const openssl::Owned<BIGNUM> e(
      BN_bin2bn(as_unsigned(exponent), static_cast<int>(exponent.size()), nullptr));
  const KeyParams params(OSSL_PARAM_BLD_new());
  openssl::Owned<EVP_PKEY> key;
  if (n && e && params && OSSL_PARAM_BLD_push_BN(params.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
      OSSL_PARAM_BLD_push_BN(params.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1)
    key = make_public_key("RSA", params.get());
  if (!key) return weak_key("no RSA key");
  return of(std::move(key));
}

Result<TokenKey> TokenKey::curve(std::string_view name, const std::string& x, const std::string& y) {
  const std::size_t bytes = name == "P-256" ? p256_bytes : p384_bytes;
  for (const auto& [member, coordinate] : {std::pair("x", &x), std::pair("y", &y)})
    if (coordinate->size() != bytes)
      return weak_key("\"" + std::string(member) + "\" is not of " + std::to_string(bytes) + " bytes");
  const std::string point = "\x04" + x + y;  // uncompressed (SEC 1, 2.3.3)
  const KeyParams params(OSSL_PARAM_BLD_new());
  const char* group = name == "P-256" ? SN_X9_62_prime256v1 : SN_secp384r1;
  openssl::Owned<EVP_PKEY> key;
  if (params && OSSL_PARAM_BLD_push_utf8_string(params.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
      OSSL_PARAM_BLD_push_octet_string(params.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) ==
          1)
    key = make_public_key("EC", params.get());
  if (!key) return weak_key("a point that is not on the curve");
  return of(std::move(key));
}

Result<TokenKey> TokenKey::ed25519(const std::string& key) {
  if (key.size() != ed25519_bytes) return weak_key("\"x\" is not of 32 bytes");
  openssl::Owned<EVP_PKEY> made(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, as_unsigned(key), key.size()));
  if (!made) return weak_key("no Ed25519 key");
  return of(std::move(made));
}

Result<std::vector<TokenKey>> TokenKey::from_pem(std::string_view text) {
  if (text.find("PRIVATE KEY-----") != std::string_view::npos)
    return weak_key("a private key; give only the public one (openssl pkey -pubout)");
  if (text.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos)
    return weak_key("a certificate; give its public key (openssl x509 -noout -pubkey)");
  std::vector<TokenKey> keys;
  const openssl::Owned<BIO> source(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  while (source) {
    const PemBlock block(*source);
    if (block.at_end) break;
    const std::string number = "key " + std::to_string(keys.size() + 1) + ": ";
    openssl::Owned<EVP_PKEY> found = block.public_key();
    if (!found) return weak_key(number + "it is damaged, or no PUBLIC KEY");
    Result<TokenKey> key = of(std::move(found));
    if (!key) return weak_key(number + std::string(key.error().message()));
    keys.push_back(std::move(*key));
  }
  return keys;
}

bool TokenKey::verify(JwtAlgorithm algorithm, std::string_view text, std::string_view signature) const {
  const AlgorithmTraits& traits = traits_of(algorithm);
  if (!algorithms_.has(algorithm)) return false;
  std::string der;
  if (algorithm == JwtAlgorithm::es256 || algorithm == JwtAlgorithm::es384) {
    der = der_signature(signature, algorithm == JwtAlgorithm::es256 ? p256_bytes : p384_bytes);
    if (der.empty()) return false;
    signature = der;
  }
  const openssl::Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;  // owned by `context`
  const EVP_MD* digest = traits.digest ? traits.digest() : nullptr;
  bool ready = context && EVP_DigestVerifyInit(context.get(), &settings, digest, nullptr, key_.get()) == 1;
  if (ready && is_pss(algorithm))
    ready = EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) == 1;
  const bool valid =
      ready && EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                                signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                                text.size()) == 1;
  ERR_clear_error();
  return valid;
}

}  // namespace ringrpc
