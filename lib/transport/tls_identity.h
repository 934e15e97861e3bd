/// The identity that a certificate names.
///
///   std::shared_ptr<const CertificateIdentity> whose = read_identity(*certificate);
#pragma once

#include <memory>
#include <string>

#include "ringrpc/peer_identity.h"

#include "base/openssl.h"

namespace ringrpc {

std::shared_ptr<const CertificateIdentity> read_identity(const X509& certificate);

/// The subject in the format of RFC 4514: "CN=alice,O=example".
std::string subject_of(const X509& certificate);

/// The certificate in DER; empty for null.
std::string der_of(const X509* certificate);

/// The serial number in hexadecimal: "1A2B".
std::string serial_of(const X509& certificate);

/// "2026-11-20 09:30:00 UTC"
std::string to_string(const ASN1_TIME& time);

}  // namespace ringrpc
