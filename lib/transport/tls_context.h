/// What the connections of one server or of one kind of channel are made with: certificates, authorities,
/// versions, suites, and the keys of session tickets, checked once and never changed.
///
///   Result<std::shared_ptr<const TlsContext>> context = TlsContext::of_server(options);
///   TlsStream stream(shard, std::move(carrier), (*context)->accept());
///
/// All shards share it, so a ticket that one has given is good on every other. From any thread.
#pragma once

#include <memory>
#include <string>

#include "ringrpc/tls.h"

#include "base/openssl.h"

namespace ringrpc {

class TlsTickets;

/// What failures of a certificate or a key begin with: "TLS: ", "TLS: --tls-cert: ".
std::string about(const Pem& pem);

class TlsContext {
 public:
  /// Read the files, check that all fits together. INVALID_ARGUMENT names the file and the remedy.
  static Result<std::shared_ptr<const TlsContext>> of_server(const ServerTlsOptions& options);
  static Result<std::shared_ptr<const TlsContext>> of_client(const ClientTlsOptions& options);

  /// A session that waits for a client's hello.
  openssl::Owned<SSL> accept() const;
  /// A session that says hello to `host`, which is a name or the text of an IP address: the server's
  /// certificate must be for it. The handshake fails where that cannot be checked: for an empty name, and one
  /// with a NUL byte or of more than 255. With `tickets`, which are this context's and this host's alone, it
  /// resumes an earlier session where the server agrees.
  openssl::Owned<SSL> connect(const std::string& host, std::shared_ptr<TlsTickets> tickets = {}) const;

  /// Why no peer will take the certificate, which came `from` there, today (expired, not valid yet); OK where
  /// one may, or there is none.
  Status check_dates(const Pem& from) const;

 private:
  explicit TlsContext(openssl::Owned<SSL_CTX> context) noexcept : context_(std::move(context)) {}

  openssl::Owned<SSL_CTX> context_;
};

}  // namespace ringrpc
