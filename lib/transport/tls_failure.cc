#include "transport/tls_failure.h"

#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "transport/tls_identity.h"

namespace ringrpc {
namespace {

/// The names that a certificate has as a server's. Its common name is none of them (RFC 9525, 2).
std::string names_of(const CertificateIdentity& identity) {
  std::string names;
  for (const auto* kind : {&identity.dns_names, &identity.ip_addresses})
    for (const std::string& each : *kind) names.append(names.empty() ? "" : ", ").append(each);
  return names;
}

bool has_common_name(const X509& certificate) {
  return X509_NAME_get_index_by_NID(X509_get_subject_name(&certificate), NID_commonName, -1) >= 0;
}

std::string of_subject(const std::string& subject) {
  return subject.empty() ? " without a subject" : " of " + subject;
}

/// The reason why a certificate is rejected.
struct Objection {
  Cause cause = Cause::other;
  std::string remedy{};  ///< the facts and the remedy for an operator, to follow OpenSSL's message
};

Objection objection_to_names(const X509& certificate) {
  const auto identity = read_identity(certificate);
  const std::string names = names_of(*identity);
  if (names.empty())
    return {.remedy = ", the certificate" + of_subject(identity->subject) +
                      " has neither a DNS name nor an IP address as subjectAltName" +
                      (has_common_name(certificate) ? ", and its common name does not count" : "") +
                      "; it must be reissued with the server's names"};
  return {.cause = Cause::misnamed,
          .remedy = ", the certificate is for " + names +
                    "; use one of these names in the address, or set it as the server's name"};
}

Objection objection_to(const X509& certificate, int error) {
  if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH)
    return objection_to_names(certificate);
  const std::string which = ", that" + of_subject(subject_of(certificate));
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return {.remedy =
                  which + " on " + to_string(*X509_get0_notAfter(&certificate)) + "; it must be renewed"};
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return {.remedy = which + " from " + to_string(*X509_get0_notBefore(&certificate)) +
                        "; compare the clocks of both machines"};
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return {.cause = Cause::untrusted,
              .remedy = which + "; add the certificate authority (CA) that signed it to the trusted CAs"};
    case X509_V_ERR_INVALID_PURPOSE:
      return {.remedy = which + "; its extended key usage does not allow this role in TLS"};
    default:
      return {.remedy = which};
  }
}

/// The likely meaning of the peer's alert (RFC 8446, 6.2).
std::string_view alert_remedy(int alert, bool we_serve) {
  switch (alert) {
    case SSL_AD_PROTOCOL_VERSION:
      return "; it supports no version of TLS that this side supports";
    case SSL_AD_NO_APPLICATION_PROTOCOL:
      return "; it does not speak HTTP/2 (ALPN h2)";
    case TLS13_AD_CERTIFICATE_REQUIRED:
      return "; it requires a client certificate";
    case SSL_AD_HANDSHAKE_FAILURE:
      return we_serve ? "" : "; it may require a client certificate, or have no cipher suite in common";
    case SSL_AD_UNKNOWN_CA:
      return "; it does not trust the certificate authority (CA) that signed this side's certificate";
    case SSL_AD_CERTIFICATE_EXPIRED:
      return "; this side's certificate must be renewed";
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_CERTIFICATE_UNKNOWN:
      return "; it rejects this side's certificate";
    default:
      return "";
  }
}

Cause cause_for(int reason, const TlsWire& wire) {
  switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return wire.objection_cause;
    case SSL_AD_REASON_OFFSET + TLS13_AD_CERTIFICATE_REQUIRED:
      return Cause::certificate_wanted;
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_UNKNOWN_PROTOCOL:
      return Cause::no_tls;
    default:
      return Cause::other;
  }
}

std::string words_for(int reason, const SSL& session) {
  const bool we_serve = SSL_is_server(&session) == 1;
  if (reason >= SSL_AD_REASON_OFFSET) {
    const int alert = reason - SSL_AD_REASON_OFFSET;
    const bool known = alert != TLS13_AD_CERTIFICATE_REQUIRED;  // OpenSSL 3.0 has no text for this alert
    return std::string("the peer refused: ") +
           (known ? SSL_alert_desc_string_long(alert) : "certificate required") +
           std::string(alert_remedy(alert, we_serve));
  }
  switch (reason) {
    case SSL_R_CALLBACK_FAILED:  // among our callbacks only on_client_hello fails
      return "the client offers no protocol; it must offer HTTP/2 (ALPN h2)";
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return "the client does not speak HTTP/2; it must offer ALPN h2";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "the client has sent no certificate; this server requires one";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
      return "no version of TLS in common; this side supports 1.3" +
             std::string(
                 SSL_get_min_proto_version(const_cast<SSL*>(&session)) == TLS1_3_VERSION ? "" : " and 1.2");
    case SSL_R_NO_SHARED_CIPHER:
      return "no cipher suite in common";
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_UNKNOWN_PROTOCOL:
      return "the peer does not speak TLS; it may use plaintext";
    default:
      return {};
  }
}

/// The error that names the cause. OpenSSL 3.2 and later may add one that says only in which layer it is.
unsigned long first_cause() {
  const unsigned long last = ERR_peek_last_error();
#ifdef SSL_R_RECORD_LAYER_FAILURE
  if (ERR_GET_LIB(last) == ERR_LIB_SSL && ERR_GET_REASON(last) == SSL_R_RECORD_LAYER_FAILURE)
    return ERR_peek_error();
#endif
  return last;
}

}  // namespace

Status tls_failure(const SSL& session, const TlsWire& wire) {
  const unsigned long error = first_cause();
  if (wire.out_of_memory || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE) {
    ERR_clear_error();
    return out_of_memory();
  }
  const int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  std::string words;
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) words = wire.objection;
  if (words.empty()) words = words_for(reason, session);
  if (words.empty()) words = openssl::text_of(error);
  ERR_clear_error();
  return Status(Code::UNAVAILABLE, "TLS: " + words, Initiator::peer).with_cause(cause_for(reason, wire));
}

int note_objection(int verified, X509_STORE_CTX* verification) {
  if (verified == 1) return 1;
  const auto* session =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* wire = static_cast<TlsWire*>(SSL_get_app_data(session));
  const int error = X509_STORE_CTX_get_error(verification);
  try {
    wire->objection = X509_verify_cert_error_string(error);
    const X509* const certificate = X509_STORE_CTX_get_current_cert(verification);
    const Objection objection = certificate ? objection_to(*certificate, error) : Objection();
    wire->objection_cause = objection.cause;
    wire->objection += objection.remedy;
  } catch (const std::bad_alloc&) {
    wire->out_of_memory = true;
  }
  return 0;
}

}  // namespace ringrpc
