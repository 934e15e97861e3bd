/// The failure of a TLS session as a status that names the cause and the remedy.
///
///   if (SSL_do_handshake(session) != 1) return tls_failure(*session, wire);
#pragma once

#include "ringrpc/status.h"

#include "transport/tls_wire.h"

namespace ringrpc {

/// The reason why the last operation on `session` failed. Reads and empties OpenSSL's error queue of this
/// thread. UNAVAILABLE, "TLS: certificate has expired, ...".
Status tls_failure(const SSL& session, const TlsWire& wire);

/// The verification callback of every session. The session's application data is the TlsWire, which keeps the
/// reason.
int note_objection(int verified, X509_STORE_CTX* verification);

}  // namespace ringrpc
