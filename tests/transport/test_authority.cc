#include "transport/test_authority.h"

#include <atomic>
#include <doctest/doctest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

namespace ringrpc::test {
namespace {

/// Before the first background shard begins, so that it ends before OpenSSL does at the exit of the process.
/// Otherwise OpenSSL would not free what it keeps for the shard's thread, and LeakSanitizer would report it.
[[maybe_unused]] const int openssl_begun = OPENSSL_init_ssl(0, nullptr);

using openssl::Owned;

Owned<EVP_PKEY> make_key(bool rsa = false) {
  Owned<EVP_PKEY> key(rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
  REQUIRE(key);
  return key;
}

std::string contents(BIO* from) {
  char* text = nullptr;
  const long length = BIO_get_mem_data(from, &text);
  return {text, static_cast<std::size_t>(length)};
}

std::string pem_of(X509* certificate) {
  const Owned<BIO> to(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_X509(to.get(), certificate) == 1);
  return contents(to.get());
}

std::string pem_of(EVP_PKEY* key) {
  const Owned<BIO> to(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_PrivateKey(to.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return contents(to.get());
}

void set_subject(X509* certificate, const std::string& common_name) {
  if (common_name.empty()) return;
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.c_str());
  REQUIRE(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1);
}

void extend(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  REQUIRE_MESSAGE(extension, value);
  REQUIRE(X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

Owned<X509> blank(EVP_PKEY* key, const std::string& common_name, int from_hours, int until_hours) {
  static std::atomic<long> serial = 1;
  Owned<X509> made(X509_new());
  REQUIRE(made);
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), from_hours * 3600L);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), until_hours * 3600L);
  X509_set_pubkey(made.get(), key);
  set_subject(made.get(), common_name);
  return made;
}

}  // namespace

TestAuthority::TestAuthority(const std::string& name) : TestAuthority(name, nullptr) {}

TestAuthority::TestAuthority(const std::string& name, const TestAuthority* issuer)
    : key_(make_key()), certificate_(blank(key_.get(), name, -24, 24)) {
  extend(certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate_.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  X509* signer = issuer ? issuer->certificate_.get() : certificate_.get();
  X509_set_issuer_name(certificate_.get(), X509_get_subject_name(signer));
  REQUIRE(X509_sign(certificate_.get(), issuer ? issuer->key_.get() : key_.get(), EVP_sha256()) > 0);
  pem_ = pem_of(certificate_.get());
}

TestAuthority TestAuthority::delegate(const std::string& name) const { return TestAuthority(name, this); }

TestIdentity TestAuthority::issue(const TestSubject& subject) const {
  const Owned<EVP_PKEY> key = make_key(subject.rsa);
  const Owned<X509> made =
      blank(key.get(), subject.common_name, subject.valid_from_hours, subject.valid_until_hours);
  if (!subject.names.empty()) extend(made.get(), NID_subject_alt_name, subject.names);
  if (!subject.usage.empty()) extend(made.get(), NID_ext_key_usage, subject.usage);
  X509_set_issuer_name(made.get(), X509_get_subject_name(certificate_.get()));
  REQUIRE(X509_sign(made.get(), key_.get(), EVP_sha256()) > 0);
  return {.certificate = pem_of(made.get()), .key = pem_of(key.get())};
}

}  // namespace ringrpc::test
