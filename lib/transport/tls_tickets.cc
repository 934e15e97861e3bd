#include "transport/tls_tickets.h"

#include <new>
#include <utility>

namespace ringrpc {
namespace {

using Ticket = openssl::Owned<SSL_SESSION>;

/// When a connection is cut off, OpenSSL makes its session unusable for resumption. A copy stays usable.
Ticket copy_of(SSL_SESSION& session) { return Ticket(SSL_SESSION_dup(&session)); }

bool is_good(const SSL_SESSION& session) {
  const X509* shown = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(&session));
  return shown && X509_cmp_current_time(X509_get0_notAfter(shown)) > 0;
}

}  // namespace

void TlsTickets::keep(SSL_SESSION& session) noexcept {
  if (SSL_SESSION_is_resumable(&session) != 1) return;
  Ticket copy = copy_of(session);
  if (!copy) return;
  const std::lock_guard lock(mutex_);
  if (kept_.size() == kept_max) kept_.erase(kept_.begin());
  try {
    kept_.push_back(std::move(copy));
  } catch (const std::bad_alloc&) {
    // Without the ticket the next handshake is a full one.
  }
}

openssl::Owned<SSL_SESSION> TlsTickets::take() {
  const std::lock_guard lock(mutex_);
  while (!kept_.empty()) {
    Ticket taken = std::move(kept_.back());
    kept_.pop_back();
    if (is_good(*taken)) return taken;
  }
  return nullptr;
}

}  // namespace ringrpc
