/// TLS for servers and channels: what each side shows, and whom it believes.
///
///   auto tls = ServerTls::load({.certificate = Pem::file("server.pem"),
///                               .private_key = Pem::file("server.key"),
///                               .client_authorities = Pem::file("clients.pem")});
///   if (!tls) return report(tls.error());
///   options.tls = *tls;                      // of ServerOptions; ClientTls is for ChannelOptions
///
/// TLS 1.2 and 1.3 (RFC 5246, RFC 8446) with HTTP/2's ALPN name `h2`, which the peer must agree to (RFC 9113,
/// 3.2). There is no renegotiation and no early data; TLS 1.2 has only the suites with forward secrecy and
/// AEAD that RFC 9113 leaves. An address that begins with `tls+` is one with TLS, whatever follows:
/// "tls+tcp://0.0.0.0:443", "tls+unix:/run/x.sock".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "ringrpc/status.h"

namespace ringrpc {

class TlsContext;

/// The versions of TLS that can be the minimum.
enum class TlsVersion : std::uint8_t { tls_1_2, tls_1_3 };

/// Certificates or a key as PEM text (RFC 7468): as they are, or in a file.
class Pem {
 public:
  /// None.
  Pem() = default;
  static Pem text(std::string pem) { return Pem({}, std::move(pem), {}); }
  /// `named_by` is what failures begin with, such as the flag or the setting that the path came from; may be
  /// empty.
  static Pem file(std::string path, std::string named_by = {}) {
    return Pem(std::move(path), {}, std::move(named_by));
  }

  bool empty() const noexcept { return path_.empty() && text_.empty(); }
  /// The file's path; empty where there is none.
  const std::string& path() const noexcept { return path_; }
  const std::string& named_by() const noexcept { return named_by_; }
  /// The text, read from the file each time; at most 1 MiB. From a pipe it comes as it is written there, up
  /// to its end. The status names the file and the cause.
  Result<std::string> read() const;

 private:
  Pem(std::string path, std::string text, std::string named_by)
      : path_(std::move(path)), text_(std::move(text)), named_by_(std::move(named_by)) {}

  std::string path_;
  std::string text_;
  std::string named_by_;
};

/// Certificate, key and trusted CAs of a server.
struct ServerTlsOptions {
  Pem certificate;  ///< the server's, then those between it and its authority
  Pem private_key;  ///< of the first certificate; not encrypted
  /// With these a client must show a certificate that one of them has signed; Call::peer_identity tells
  /// whose.
  Pem client_authorities{};
  TlsVersion version_min = TlsVersion::tls_1_2;
};

/// A server's side. Its certificates can be exchanged while connections are up. All of it may be used from
/// any thread.
class ServerTls {
 public:
  /// INVALID_ARGUMENT names the file and what is wrong with it: no PEM, a key that is not the certificate's,
  /// an encrypted key; or what `Pem::read` says. A certificate that has expired is taken, with a warning in
  /// the log.
  static Result<std::shared_ptr<ServerTls>> load(const ServerTlsOptions& options);
  ServerTls(const ServerTls&) = delete;
  ServerTls& operator=(const ServerTls&) = delete;
  ~ServerTls();

  /// Reads everything again. What is good serves the connections that come from now on; those that are up
  /// stay as they are. A failure, as of `load` or because the certificate has expired, changes nothing.
  /// Session tickets given out before are of no use afterwards. Reads files, so not on a shard.
  Status reload();

  /// Whether a file is not the one that was last tried, loaded or refused: by its inode, size and time of
  /// change. Asks the file system, so not on a shard.
  bool files_changed() const;

  /// For the library: what new connections are made with.
  std::shared_ptr<const TlsContext> context() const;

 private:
  struct State;
  explicit ServerTls(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

/// Trusted CAs, certificate and name of a client.
struct ClientTlsOptions {
  /// Who may have signed the server's certificate; the system's authorities where none are given.
  Pem authorities{};
  Pem certificate{};  ///< shown to servers that ask for one, with those between it and its authority
  Pem private_key{};  ///< of that certificate; not encrypted
  /// The name that the server's certificate must have, and what the server is told it is called (SNI,
  /// `:authority`). Empty for the host of the address, "localhost" where the address has none.
  std::string server_name{};
  TlsVersion version_min = TlsVersion::tls_1_2;
};

/// A client's side; never changes, and may be used by any number of channels and threads. Each channel keeps
/// the session tickets that it is given, and resumes its own sessions when it connects again.
class ClientTls {
 public:
  /// Fails as ServerTls::load does, and with INVALID_ARGUMENT for a `server_name` with a NUL byte.
  static Result<std::shared_ptr<const ClientTls>> load(const ClientTlsOptions& options = {});
  ClientTls(const ClientTls&) = delete;
  ClientTls& operator=(const ClientTls&) = delete;
  ~ClientTls();

  const std::string& server_name() const noexcept { return server_name_; }

  /// For the library: what connections are made with.
  const std::shared_ptr<const TlsContext>& context() const noexcept { return context_; }

 private:
  ClientTls(std::shared_ptr<const TlsContext> context, std::string server_name) noexcept;

  std::shared_ptr<const TlsContext> context_;
  std::string server_name_;
};

}  // namespace ringrpc
