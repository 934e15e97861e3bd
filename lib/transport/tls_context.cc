#include "transport/tls_context.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <ctime>
#include <new>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "transport/tls_failure.h"
#include "transport/tls_identity.h"
#include "transport/tls_key_log.h"
#include "transport/tls_tickets.h"

namespace ringrpc {
namespace {

using openssl::Owned;

/// The protocol name in wire format: its length, then the name.
constexpr std::array<unsigned char, 3> alpn_h2 = {2, 'h', '2'};

/// AES-128 comes first: no practical attack breaks it, and AES-256 costs more processor time.
constexpr const char* suites_1_3 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
/// A subset of the suites that RFC 9113, 9.2.2, permits.
constexpr const char* suites_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20";

std::string name_of(const Pem& pem, std::string_view what) {
  return pem.path().empty() ? "the " + std::string(what) : pem.path();
}

std::unexpected<Status> wrong(const Pem& pem, std::string_view what, const std::string& why) {
  return fail(Code::INVALID_ARGUMENT, about(pem) + name_of(pem, what) + ": " + why);
}

Owned<BIO> reader(const std::string& text) {
  Owned<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) throw std::bad_alloc();
  return bio;
}

/// All certificates in a PEM text; fails if there is none.
Result<std::vector<Owned<X509>>> certificates(const Pem& pem, std::string_view what) {
  const Result<std::string> text = pem.read();
  if (!text) return std::unexpected(text.error());
  const Owned<BIO> from = reader(*text);
  std::vector<Owned<X509>> found;
  while (X509* each = PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr)) found.emplace_back(each);
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = openssl::last_error();
  if (!at_end) return wrong(pem, what, "a certificate in it is damaged (" + reason + ")");
  if (found.empty())
    return wrong(pem, what, "there is no certificate in it; want PEM, -----BEGIN CERTIFICATE-----");
  return found;
}

/// Replaces OpenSSL's password prompt on the terminal.
int no_password(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Result<Owned<EVP_PKEY>> private_key(const Pem& pem) {
  Result<std::string> text = pem.read();
  if (!text) return std::unexpected(text.error());
  bool encrypted = false;
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(reader(*text).get(), nullptr, no_password, &encrypted));
  OPENSSL_cleanse(text->data(), text->size());
  ERR_clear_error();
  if (encrypted)
    return wrong(pem, "private key", "the key is encrypted; decrypt it with openssl pkey -in OLD -out NEW");
  if (!key)
    return wrong(pem, "private key", "there is no private key in it; want PEM, -----BEGIN PRIVATE KEY-----");
  return key;
}

Status show_certificate(SSL_CTX* context, const Pem& certificate, const Pem& key) {
  Result<std::vector<Owned<X509>>> chain = certificates(certificate, "certificate");
  if (!chain) return std::move(chain).error();
  const Result<Owned<EVP_PKEY>> secret = private_key(key);
  if (!secret) return secret.error();
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1)
    return wrong(certificate, "certificate", "it cannot be used: " + openssl::last_error());
  for (std::size_t at = 1; at < chain->size(); ++at)
    if (SSL_CTX_add1_chain_cert(context, (*chain)[at].get()) != 1)
      return wrong(certificate, "certificate", "its chain cannot be used: " + openssl::last_error());
  // SSL_CTX_use_PrivateKey alone compares only with a certificate for a key of the same type.
  if (SSL_CTX_use_PrivateKey(context, secret->get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return wrong(key, "private key",
                 "the key is not that of the first certificate in " + name_of(certificate, "certificate"));
  }
  return {};
}

/// Trusts these CAs alone. An intermediate certificate is trusted like a root, because the user has given it
/// for that purpose.
Status trust(SSL_CTX* context, const Pem& authorities, bool tell_clients) {
  Result<std::vector<Owned<X509>>> found = certificates(authorities, "trusted CAs");
  if (!found) return std::move(found).error();
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const Owned<X509>& each : *found) {
    X509_STORE_add_cert(store, each.get());
    if (tell_clients) SSL_CTX_add_client_CA(context, each.get());
  }
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  return {};
}

/// Refuses a client that offers no protocol. Without ALPN, OpenSSL does not call choose_protocol.
int on_client_hello(SSL* session, int* alert, void*) {
  const unsigned char* names = nullptr;
  std::size_t length = 0;
  if (SSL_client_hello_get0_ext(session, TLSEXT_TYPE_application_layer_protocol_negotiation, &names,
                                &length) == 1)
    return SSL_CLIENT_HELLO_SUCCESS;
  *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
  return SSL_CLIENT_HELLO_ERROR;
}

/// A ticket replaces the certificate that its client has shown, so it expires with that certificate. The
/// client then has to show a certificate again.
SSL_TICKET_RETURN on_ticket(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t,
                            SSL_TICKET_STATUS status, void*) {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  const X509* shown = SSL_SESSION_get0_peer(session);
  if (!shown || X509_cmp_current_time(X509_get0_notAfter(shown)) <= 0) return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned offered_bytes, void*) {
  const std::basic_string_view<unsigned char> names(offered, offered_bytes);
  for (std::size_t at = 0; at < names.size(); at += std::size_t{1} + names[at]) {
    if (!names.substr(at).starts_with(std::basic_string_view(alpn_h2.data(), alpn_h2.size()))) continue;
    *chosen = alpn_h2.data() + 1;
    *length = alpn_h2.size() - 1;
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

Owned<SSL_CTX> make(const SSL_METHOD* method, TlsVersion version_min) {
  Owned<SSL_CTX> made(SSL_CTX_new(method));
  if (!made) throw std::bad_alloc();
  SSL_CTX* context = made.get();
  SSL_CTX_set_min_proto_version(context,
                                version_min == TlsVersion::tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_ciphersuites(context, suites_1_3);
  SSL_CTX_set_cipher_list(context, suites_1_2);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Idle connections hold no buffers, which would take 34 KiB each.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets need none, and the cache has a lock
  return made;
}

Owned<SSL> start(SSL_CTX* context) {
  Owned<SSL> session(SSL_new(context));
  if (!session) throw std::bad_alloc();
  SSL_set_read_ahead(session.get(), 1);
  return session;
}

using SharedTickets = std::shared_ptr<TlsTickets>;

/// The index under which an SSL keeps its shared pointer to the tickets that it adds to.
int tickets_index() {
  static const int index = SSL_get_ex_new_index(
      0, nullptr, nullptr, nullptr,
      [](void*, void* kept, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<SharedTickets*>(kept); });
  return index;
}

void collect_in(SSL& session, SharedTickets tickets) {
  auto* const kept = new SharedTickets(std::move(tickets));
  if (SSL_set_ex_data(&session, tickets_index(), kept) != 1) delete kept;
}

int on_new_ticket(SSL* session, SSL_SESSION* ticket) {
  if (const auto* tickets = static_cast<SharedTickets*>(SSL_get_ex_data(session, tickets_index())))
    (*tickets)->keep(*ticket);
  return 0;  // OpenSSL must not keep the session
}

/// A TLS 1.2 ticket may be used again once it has resumed a session.
void on_state(const SSL* session, int what, int) {
  const bool resumed = what == SSL_CB_HANDSHAKE_DONE && SSL_session_reused(session) == 1;
  if (!resumed || SSL_version(session) >= TLS1_3_VERSION) return;
  if (const auto* tickets = static_cast<SharedTickets*>(SSL_get_ex_data(session, tickets_index())))
    (*tickets)->keep(*SSL_get_session(session));
}

/// Verifies a session without a name to look for: trusts no peer.
int refuse_name(int verified, X509_STORE_CTX* verification) {
  const bool of_the_peer = X509_STORE_CTX_get_error_depth(verification) == 0;
  if (verified == 1 && !of_the_peer) return 1;
  if (verified == 1) X509_STORE_CTX_set_error(verification, X509_V_ERR_HOSTNAME_MISMATCH);
  return note_objection(0, verification);
}

bool is_ip_address(const std::string& host) {
  std::array<unsigned char, 16> address{};
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

/// Makes the session request `host` and look for it in the certificate. OpenSSL would check nothing for an
/// empty name, and keeps no name with a NUL byte.
bool expect(SSL& session, const std::string& host) {
  if (host.empty() || host.contains('\0')) return false;
  X509_VERIFY_PARAM* wanted = SSL_get0_param(&session);
  // RFC 9525, 6.3 and 6.4: wildcards match whole labels only, and only alternative names count.
  X509_VERIFY_PARAM_set_hostflags(wanted,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (is_ip_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1;
  return SSL_ctrl(&session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                  const_cast<char*>(host.c_str())) == 1 &&
         X509_VERIFY_PARAM_set1_host(wanted, host.data(), host.size()) == 1;
}

using Use = CertificateSnapshot::Use;

/// Lists the context's own certificates with the use `own`, and its CAs with `trusted` if that is set.
std::vector<CertificateSnapshot> list_certificates(SSL_CTX& context, Use own, std::optional<Use> trusted) {
  std::vector<CertificateSnapshot> all;
  const auto add = [&](Use use, const X509* certificate) {
    tm ends{};
    if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &ends) != 1) return;
    all.push_back({.use = use,
                   .subject = subject_of(*certificate),
                   .serial = serial_of(*certificate),
                   .not_after = std::chrono::sys_seconds(std::chrono::seconds(timegm(&ends)))});
  };
  add(own, SSL_CTX_get0_certificate(&context));
  STACK_OF(X509)* intermediate = nullptr;
  SSL_CTX_get0_chain_certs(&context, &intermediate);
  for (int at = 0; at < sk_X509_num(intermediate); ++at)
    add(Use::intermediate, sk_X509_value(intermediate, at));
  if (trusted) {
    const STACK_OF(X509_OBJECT)* authorities = X509_STORE_get0_objects(SSL_CTX_get_cert_store(&context));
    for (int at = 0; at < sk_X509_OBJECT_num(authorities); ++at)
      add(*trusted, X509_OBJECT_get0_X509(sk_X509_OBJECT_value(authorities, at)));
  }
  std::ranges::sort(all, {}, &CertificateSnapshot::not_after);
  if (all.size() > TlsContext::certificates_listed_max) all.resize(TlsContext::certificates_listed_max);
  return all;
}

}  // namespace

std::string about(const Pem& pem) { return "TLS: " + pem.named_by() + (pem.named_by().empty() ? "" : ": "); }

Result<std::shared_ptr<const TlsContext>> TlsContext::of_server(const ServerTlsOptions& options,
                                                                std::shared_ptr<LineLog> keys) {
  Owned<SSL_CTX> made = make(TLS_server_method(), options.version_min);
  SSL_CTX* context = made.get();
  if (keys) log_keys(*context, std::move(keys));
  SSL_CTX_set_client_hello_cb(context, on_client_hello, nullptr);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  if (options.certificate.empty() || options.private_key.empty())
    return fail(Code::INVALID_ARGUMENT, "TLS: a server needs a certificate and its private key");
  if (Status status = show_certificate(context, options.certificate, options.private_key); !status.ok())
    return std::unexpected(std::move(status));
  if (!options.client_authorities.empty()) {
    if (Status status = trust(context, options.client_authorities, true); !status.ok())
      return std::unexpected(std::move(status));
    // A ticket carries the client's identity. It is valid only with this context's keys.
    constexpr std::string_view id = "ringrpc";
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(id.data()), id.size());
    SSL_CTX_set_session_ticket_cb(context, nullptr, on_ticket, nullptr);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, note_objection);
  }
  const bool checks_clients = !options.client_authorities.empty();
  auto listed =
      list_certificates(*context, Use::server, checks_clients ? std::optional(Use::client_ca) : std::nullopt);
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(made), std::move(listed)));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::of_client(const ClientTlsOptions& options,
                                                                std::shared_ptr<LineLog> keys) {
  Owned<SSL_CTX> made = make(TLS_client_method(), options.version_min);
  SSL_CTX* context = made.get();
  if (keys) log_keys(*context, std::move(keys));
  SSL_CTX_set_alpn_protos(context, alpn_h2.data(), alpn_h2.size());
  if (options.certificate.empty() != options.private_key.empty())
    return fail(Code::INVALID_ARGUMENT,
                "TLS: a client certificate and its private key must be given together");
  if (!options.certificate.empty())
    if (Status status = show_certificate(context, options.certificate, options.private_key); !status.ok())
      return std::unexpected(std::move(status));
  if (options.authorities.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else if (Status status = trust(context, options.authorities, false); !status.ok()) {
    return std::unexpected(std::move(status));
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, note_objection);
  // OpenSSL's own cache does not know which server a session belongs to, and it has a lock.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, on_new_ticket);
  SSL_CTX_set_info_callback(context, on_state);
  // The system's CAs are left out: they are many, and the system replaces them.
  const bool trusts_own = !options.authorities.empty();
  auto listed =
      list_certificates(*context, Use::client, trusts_own ? std::optional(Use::server_ca) : std::nullopt);
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(made), std::move(listed)));
}

Owned<SSL> TlsContext::accept() const {
  Owned<SSL> session = start(context_.get());
  SSL_set_accept_state(session.get());
  return session;
}

Owned<SSL> TlsContext::connect(const std::string& host, std::shared_ptr<TlsTickets> tickets) const {
  Owned<SSL> session = start(context_.get());
  SSL_set_connect_state(session.get());
  if (!expect(*session, host)) {
    SSL_set_verify(session.get(), SSL_VERIFY_PEER, refuse_name);
  } else if (tickets) {
    if (const Owned<SSL_SESSION> ticket = tickets->take()) SSL_set_session(session.get(), ticket.get());
    collect_in(*session, std::move(tickets));
  }
  ERR_clear_error();
  return session;
}

TlsContext::TlsContext(Owned<SSL_CTX> context, std::vector<CertificateSnapshot> certificates) noexcept
    : context_(std::move(context)), certificates_(std::move(certificates)) {}

Status TlsContext::check_dates(const Pem& from) const {
  const X509* certificate = SSL_CTX_get0_certificate(context_.get());
  if (!certificate) return {};
  const ASN1_TIME* begins = X509_get0_notBefore(certificate);
  const ASN1_TIME* ends = X509_get0_notAfter(certificate);
  const std::string whose = about(from) + from.path() + (from.path().empty() ? "" : ": ") +
                            "the certificate of " + subject_of(*certificate);
  if (X509_cmp_current_time(ends) < 0)
    return fail(Code::FAILED_PRECONDITION, whose + " has expired on " + to_string(*ends));
  if (X509_cmp_current_time(begins) > 0)
    return fail(Code::FAILED_PRECONDITION, whose + " is not valid before " + to_string(*begins));
  return {};
}

}  // namespace ringrpc
