#include "transport/tls_identity.h"

#include <algorithm>
#include <arpa/inet.h>
#include <ctime>
#include <new>
#include <string_view>
#include <utility>

namespace ringrpc {
namespace {

constexpr std::string_view spiffe_scheme = "spiffe://";

std::string text_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string ip_address(const ASN1_OCTET_STRING* address) {
  const int length = ASN1_STRING_length(address);
  if (length != 4 && length != 16) return {};
  char words[INET6_ADDRSTRLEN] = "";
  inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), words, sizeof words);
  return words;
}

void add_name(const GENERAL_NAME& name, CertificateIdentity& identity) {
  switch (name.type) {
    case GEN_DNS:
      identity.dns_names.push_back(text_of(name.d.dNSName));
      break;
    case GEN_URI:
      identity.uris.push_back(text_of(name.d.uniformResourceIdentifier));
      break;
    case GEN_EMAIL:
      identity.email_addresses.push_back(text_of(name.d.rfc822Name));
      break;
    case GEN_IPADD:
      identity.ip_addresses.push_back(ip_address(name.d.iPAddress));
      break;
    default:
      break;
  }
}

/// An X.509-SVID has one URI, its id, with a trust domain and without control bytes (SPIFFE's X509-SVID.md,
/// 2).
bool is_spiffe_id(std::string_view uri) {
  if (!uri.starts_with(spiffe_scheme) || uri.size() > 2048) return false;
  const std::string_view domain = uri.substr(spiffe_scheme.size());
  if (domain.empty() || domain.front() == '/') return false;
  for (const char c : uri)
    if (c <= ' ' || c > '~') return false;
  return true;
}

}  // namespace

std::string subject_of(const X509& certificate) {
  const openssl::Owned<BIO> words(BIO_new(BIO_s_mem()));
  if (!words) throw std::bad_alloc();
  X509_NAME_print_ex(words.get(), X509_get_subject_name(&certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long length = BIO_get_mem_data(words.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

std::string der_of(const X509* certificate) {
  std::string der(static_cast<std::size_t>(std::max(certificate ? i2d_X509(certificate, nullptr) : 0, 0)),
                  '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  if (!der.empty()) i2d_X509(certificate, &at);
  return der;
}

std::string serial_of(const X509& certificate) {
  const openssl::Owned<BIGNUM> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(&certificate), nullptr));
  char* const digits = number ? BN_bn2hex(number.get()) : nullptr;
  if (!digits) throw std::bad_alloc();
  std::string text(digits);
  OPENSSL_free(digits);
  return text;
}

std::string to_string(const ASN1_TIME& time) {
  std::tm parts{};
  char text[32] = "";
  if (ASN1_TIME_to_tm(&time, &parts) == 1) std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

std::shared_ptr<const CertificateIdentity> read_identity(const X509& certificate) {
  auto identity = std::make_shared<CertificateIdentity>();
  identity->subject = subject_of(certificate);
  const openssl::Owned<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int at = 0; at < sk_GENERAL_NAME_num(names.get()); ++at)
    add_name(*sk_GENERAL_NAME_value(names.get(), at), *identity);
  if (identity->uris.size() == 1 && is_spiffe_id(identity->uris.front()))
    identity->spiffe_id = identity->uris.front();
  return identity;
}

}  // namespace ringrpc
