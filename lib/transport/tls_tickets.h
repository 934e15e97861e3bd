/// Session tickets that one server has given to one client: what lets the next connection do without the
/// certificates' signatures and checks.
///
///   auto tickets = std::make_shared<TlsTickets>();
///   openssl::Owned<SSL> session = context->connect("example.org", tickets);   // takes one, keeps what comes
///
/// A ticket stands for what was checked when its session began: the server's certificate, by this client's
/// authorities, for this name. So there is one of these for each pair of a context and a name, never one for
/// several; and a ticket is good for no longer than that certificate. Each is used once: with TLS 1.3 for
/// good, so that nobody on the way can tell that two connections are the same client's (RFC 8446, C.4), with
/// TLS 1.2 until the connection has resumed, so that one with which that fails is not offered again. From any
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

  /// Keeps a copy of `session`, in place of the oldest where there are too many; none where there is no memory.
  void keep(SSL_SESSION& session) noexcept;

  /// One to connect with; null when there is none that is still good.
  openssl::Owned<SSL_SESSION> take();

 private:
  std::mutex mutex_;
  std::vector<openssl::Owned<SSL_SESSION>> kept_;  // the newest at the end
};

}  // namespace ringrpc
