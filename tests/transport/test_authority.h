/// Certificates for tests, made on demand.
///
///   const TestAuthority authority("our authority");
///   const TestIdentity server = authority.issue({.names = "DNS:localhost,IP:127.0.0.1"});
///   ServerTls::load({.certificate = Pem::text(server.certificate), .private_key = Pem::text(server.key)});
#pragma once

#include <string>

#include "ringrpc/tls.h"

#include "base/openssl.h"

namespace ringrpc::test {

/// A certificate and its key, in PEM.
struct TestIdentity {
  std::string certificate;
  std::string key;
};

struct TestSubject {
  std::string common_name = "test";                  ///< empty for an empty subject
  std::string names = "DNS:localhost,IP:127.0.0.1";  ///< the subject's alternative names; empty for none
  int valid_from_hours = -24;                        ///< from now
  int valid_until_hours = 24;
  std::string usage{};  ///< "serverAuth"; empty for any
  bool rsa = false;     ///< an RSA key, otherwise P-256
};

class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name);

  TestIdentity issue(const TestSubject& subject) const;
  /// An intermediate CA that this one has signed.
  TestAuthority delegate(const std::string& name) const;

  const std::string& certificate() const noexcept { return pem_; }

 private:
  TestAuthority(const std::string& name, const TestAuthority* issuer);

  openssl::Owned<EVP_PKEY> key_;
  openssl::Owned<X509> certificate_;
  std::string pem_;
};

// The defaults of most tests: a CA, a server with its certificate, and a client that trusts it.

inline const TestAuthority& our_authority() {
  static const TestAuthority authority("our authority");
  return authority;
}

inline ServerTlsOptions server_options(const TestIdentity& identity) {
  return {.certificate = Pem::text(identity.certificate), .private_key = Pem::text(identity.key)};
}
inline ServerTlsOptions server_options() {
  static const TestIdentity identity = our_authority().issue({});
  return server_options(identity);
}
inline ClientTlsOptions client_options() { return {.authorities = Pem::text(our_authority().certificate())}; }

inline ClientTlsOptions client_options(const TestIdentity& identity) {
  ClientTlsOptions options = client_options();
  options.certificate = Pem::text(identity.certificate);
  options.private_key = Pem::text(identity.key);
  return options;
}

}  // namespace ringrpc::test
