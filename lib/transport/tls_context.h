/// The configuration of TLS for one server or one kind of channel: certificates, trusted CAs, versions,
/// cipher suites, and the keys of session tickets. It is checked once and never changes.
///
///   Result<std::shared_ptr<const TlsContext>> context = TlsContext::of_server(options);
///   TlsStream stream(shard, std::move(carrier), (*context)->accept());
///
/// All shards share it, so a ticket issued by one is valid on every other. It may be used from any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "ringrpc/server_snapshot.h"
#include "ringrpc/tls.h"

#include "base/openssl.h"

namespace ringrpc {

class LineLog;
class TlsTickets;

/// The prefix of failures about a certificate or a key: "TLS: ", "TLS: --tls-cert: ".
std::string about(const Pem& pem);
/// As Pem::read; failures begin with `about`.
Result<std::string> read_pem(const Pem& pem, const std::string& about);

class TlsContext {
 public:
  static constexpr std::size_t certificates_listed_max = 100;

  /// These read the files and check that they fit together. INVALID_ARGUMENT names the file and the remedy.
  /// `keys` gets the secrets of connections; null for none.
  static Result<std::shared_ptr<const TlsContext>> of_server(const ServerTlsOptions& options,
                                                             std::shared_ptr<LineLog> keys = {});
  static Result<std::shared_ptr<const TlsContext>> of_client(const ClientTlsOptions& options,
                                                             std::shared_ptr<LineLog> keys = {});

  /// A session that waits for a client's hello.
  openssl::Owned<SSL> accept() const;
  /// A session that connects to `host`, which is a name or the text of an IP address; the server's
  /// certificate must be for it. The handshake fails if that cannot be checked: for an empty name, a name
  /// with a NUL byte, or one longer than 255 bytes. `tickets` must be used with this context and this host
  /// only. With them the session resumes an earlier one if the server agrees.
  openssl::Owned<SSL> connect(const std::string& host, std::shared_ptr<TlsTickets> tickets = {}) const;

  /// The reason why peers will refuse the certificate today: it has expired or is not valid yet. OK if they
  /// may accept it, or if there is none. `from` is the source of the certificate.
  Status check_dates(const Pem& from) const;

  /// Its own certificate, the intermediate ones and the CAs that its options trust, at most
  /// `certificates_listed_max`, from the one that expires first. The system's CAs are not
  /// listed, since they are many.
  const std::vector<CertificateSnapshot>& certificates() const noexcept { return certificates_; }

 private:
  TlsContext(openssl::Owned<SSL_CTX> context, std::vector<CertificateSnapshot> certificates) noexcept;

  openssl::Owned<SSL_CTX> context_;
  std::vector<CertificateSnapshot> certificates_;
};

}  // namespace ringrpc
