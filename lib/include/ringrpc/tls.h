/// TLS for servers and channels: certificates, private keys and trusted CAs.
///
///   auto tls = ServerTls::load({.certificate = Pem::file("server.pem"),
///                               .private_key = Pem::file("server.key"),
///                               .client_authorities = Pem::file("clients.pem")});
///   if (!tls) return report(tls.error());
///   options.tls = *tls;                      // of ServerOptions; ClientTls is for ChannelOptions
///
/// TLS 1.2 and 1.3 (RFC 5246, RFC 8446) with HTTP/2's ALPN name `h2`, which the peer must select (RFC 9113,
/// 3.2). There is no renegotiation and no early data. TLS 1.2 has only the cipher suites with forward
/// secrecy and AEAD that RFC 9113 permits. The prefix `tls+` of an address adds TLS to any kind of address:
/// "tls+tcp://0.0.0.0:443", "tls+unix:/run/x.sock".
#pragma once

#include "ringrpc/compiler.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "ringrpc/export.h"
#include "ringrpc/status.h"

namespace ringrpc {

class TlsContext;

/// A minimum version of TLS.
enum class TlsVersion : std::uint8_t { tls_1_2, tls_1_3 };

/// Certificates, keys or a key set: the text itself, or the path of a file. The format is PEM (RFC 7468), or
/// for JwtKeys also JSON (RFC 7517). A plain value: several threads may read one object, and one may change
/// it.
class RINGRPC_EXPORT Pem {
 public:
  /// Neither text nor file.
  Pem() = default;
  /// PEM text that the program has.
  static Pem text(std::string pem) { return Pem({}, std::move(pem), {}); }
  /// Failures begin with `named_by`, for example the flag or the setting that gave the path; it may be empty.
  static Pem file(std::string path, std::string named_by = {}) {
    return Pem(std::move(path), {}, std::move(named_by));
  }

  /// True if it is neither a file nor a text.
  bool empty() const noexcept { return path_.empty() && text_.empty(); }
  /// The file's path; empty for text.
  const std::string& path() const noexcept { return path_; }
  /// The flag or option that named it, for messages.
  const std::string& named_by() const noexcept { return named_by_; }
  /// The text, read from the file each time; at most 1 MiB. A pipe is read to its end. The status names the
  /// file and the cause. Reading may block, so do not call it on a shard.
  [[nodiscard]] Result<std::string> read() const;

 private:
  friend struct detail::Internals;
  Pem(std::string path, std::string text, std::string named_by)
      : path_(std::move(path)), text_(std::move(text)), named_by_(std::move(named_by)) {}

  std::string path_;
  std::string text_;
  std::string named_by_;
};

/// Certificate, key and trusted CAs of a server.
struct ServerTlsOptions {
  Pem certificate;  ///< the server's, then the intermediate certificates of its CA
  Pem private_key;  ///< of the first certificate; not encrypted
  /// Trusted CAs. If set, each client must present a certificate that one of them signed;
  /// Call::peer_identity has its names. If empty, no client is asked for one.
  Pem client_authorities{};
  TlsVersion version_min = TlsVersion::tls_1_2;  ///< clients with older versions are refused
  /// A file to which the secrets of all connections are appended, in the format of NSS. They decrypt
  /// recorded connections. The file is created with mode 0600, and refused if others may
  /// read it. Lines are lost if they come faster than they can be written. Empty for none; the variable
  /// SSLKEYLOGFILE has no effect.
  std::string key_log{};
};

/// The TLS of a server. Its certificates can be replaced while connections are up. All functions may be
/// called from any thread.
class RINGRPC_EXPORT ServerTls {
 public:
  /// Fails with INVALID_ARGUMENT, naming the file, if it is not PEM, or if the key is encrypted or does
  /// not match the certificate. Also fails as `Pem::read` does. An expired certificate only
  /// gets a warning in the log.
  [[nodiscard]] static Result<std::shared_ptr<ServerTls>> load(const ServerTlsOptions& options);
  ServerTls(const ServerTls&) = delete;
  ServerTls& operator=(const ServerTls&) = delete;
  ~ServerTls();

  /// Reads all files again. On success new connections use them; present connections stay as they are, and
  /// session tickets issued before become invalid. A failure, as of `load` or because the certificate has
  /// expired, changes nothing. Do not call it on a shard: it reads files.
  Status reload();

  /// True if a file differs from the one that was last loaded or refused, by its inode, size or time of
  /// change. Do not call it on a shard: it asks the file system.
  bool files_changed() const;

 private:
  friend struct detail::Internals;
  std::shared_ptr<const TlsContext> context() const;
  struct State;
  explicit ServerTls(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

/// Trusted CAs, certificate and name of a client.
struct ClientTlsOptions {
  /// CAs that may have signed the server's certificate; empty means the system's trusted CAs.
  Pem authorities{};
  Pem certificate{};  ///< presented to servers that ask for one, with its intermediate certificates
  Pem private_key{};  ///< of that certificate; not encrypted
  /// The name that the server's certificate must have; also sent as SNI and as `:authority`. Empty means
  /// the host of the address, or "localhost" for an address without a host.
  std::string server_name{};
  TlsVersion version_min = TlsVersion::tls_1_2;  ///< servers with older versions are refused
  /// A file to which the secrets of all connections are appended, in the format of NSS. They decrypt
  /// recorded connections. The file is created with mode 0600, and refused if others may
  /// read it. Lines are lost if they come faster than they can be written. Empty for none; the variable
  /// SSLKEYLOGFILE has no effect.
  std::string key_log{};
};

/// The TLS of a client. It never changes, and any number of channels and threads may use it. Each channel
/// keeps its own session tickets, and resumes its own sessions when it reconnects.
class RINGRPC_EXPORT ClientTls {
 public:
  /// Fails as ServerTls::load does, and with INVALID_ARGUMENT for a `server_name` that contains a NUL byte.
  [[nodiscard]] static Result<std::shared_ptr<const ClientTls>> load(const ClientTlsOptions& options = {});
  ClientTls(const ClientTls&) = delete;
  ClientTls& operator=(const ClientTls&) = delete;
  ~ClientTls();

  /// ClientTlsOptions::server_name.
  const std::string& server_name() const noexcept { return server_name_; }

 private:
  friend struct detail::Internals;
  const std::shared_ptr<const TlsContext>& context() const noexcept { return context_; }
  ClientTls(std::shared_ptr<const TlsContext> context, std::string server_name) noexcept;

  std::shared_ptr<const TlsContext> context_;
  std::string server_name_;
};

}  // namespace ringrpc
