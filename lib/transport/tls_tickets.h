/// The session tickets that one server has given to one client. With a ticket the next connection skips the
/// signatures and checks of certificates.
///
///   auto tickets = std::make_shared<TlsTickets>();
///   openssl::Owned<SSL> session = context->connect("example.org", tickets);   // uses one, keeps new ones
///
/// A ticket stands for the check at the start of its session: the server's certificate, the CAs that this
/// client trusts, and this name. So each pair of a context and a name has its own TlsTickets, and a ticket
/// expires with that certificate. Each ticket is used once. With TLS 1.3 it is never used again, so that an
/// observer cannot link two connections of the same client (RFC 8446, C.4). With TLS 1.2 it may be used again
/// once the connection has resumed, so that a ticket that fails is not offered again. May be used from any
/// thread.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "base/openssl.h"

namespace ringrpc {

class TlsTickets {
 public:
  static constexpr std::size_t kept_max = 4;

  /// Keeps a copy of `session`, in place of the oldest if there are too many. Keeps none when out of memory.
  void keep(SSL_SESSION& session) noexcept;

  /// Takes a ticket to connect with. Null if none is valid.
  openssl::Owned<SSL_SESSION> take();

 private:
  std::mutex mutex_;
  std::vector<openssl::Owned<SSL_SESSION>> kept_;  // the newest at the end
};

}  // namespace ringrpc
