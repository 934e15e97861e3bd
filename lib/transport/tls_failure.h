/// What went wrong in a TLS session, in words that name the cause and the remedy.
///
///   if (SSL_do_handshake(session) != 1) return tls_failure(*session, wire);
#pragma once

#include "ringrpc/status.h"

#include "transport/tls_wire.h"

namespace ringrpc {

/// Why the last operation on `session` failed, from OpenSSL's queue of errors of this thread, which is empty
/// afterwards: UNAVAILABLE, "TLS: certificate has expired, ...".
Status tls_failure(const SSL& session, const TlsWire& wire);

/// The verification callback of every session; its application data is the TlsWire, which keeps the words.
int note_objection(int verified, X509_STORE_CTX* verification);

}  // namespace ringrpc
