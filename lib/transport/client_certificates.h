/// The certificates that the channels of this process depend on, so that operators see them expire.
#pragma once

#include <memory>
#include <vector>

#include "ringrpc/server_snapshot.h"

namespace ringrpc {

class TlsContext;

/// Lists the certificates of `context` until its last owner destroys it.
void list_client_certificates(const std::shared_ptr<const TlsContext>& context);

/// Of all contexts that are listed, at most TlsContext::certificates_listed_max, from the one that expires
/// first. Any thread; takes a mutex.
std::vector<CertificateSnapshot> client_certificates();

}  // namespace ringrpc
