#include "transport/listener.h"

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <sys/socket.h>

#include "ringrpc/log.h"

#include "base/caught.h"
#include "base/probe.h"

namespace ringrpc {
namespace {

bool has_port(const Address& address) noexcept {
  return address.kind() == Address::Kind::tcp || address.kind() == Address::Kind::vsock;
}

/// True if a socket on `wide` also accepts connections to `narrow`. A socket on [::] does so for IPv4
/// (ipv6(7)).
bool includes(const SocketAddress& wide, const SocketAddress& narrow) {
  const std::string all = to_string(wide);
  const std::string one = to_string(narrow);
  const bool six = wide.family() == AF_INET6 && all.starts_with("[::]:");
  const bool four = wide.family() == AF_INET && all.starts_with("0.0.0.0:");
  return ((narrow.family() == AF_INET && (six || four)) || (narrow.family() == AF_INET6 && six)) &&
         all.substr(all.rfind(':')) == one.substr(one.rfind(':'));
}

/// The operator's remedy for a failure to listen.
std::string_view remedy(Code code, const Address& address) {
  switch (code) {
    case Code::ALREADY_EXISTS:
      return has_port(address) ? "; stop the server that listens there, or choose another port"
                               : "; stop the server that listens there, remove any other file with that "
                                 "name, or choose another name";
    case Code::PERMISSION_DENIED:
      return has_port(address) ? "; ports below 1024 need CAP_NET_BIND_SERVICE, choose a higher one"
                               : "; the directory must be writable for this user";
    case Code::NOT_FOUND:
      return "; the directory must exist";
    case Code::RESOURCE_EXHAUSTED:
      return "; raise the limit on open files (ulimit -n)";
    case Code::UNAVAILABLE:
      if (address.kind() == Address::Kind::vsock)
        return "; the CID must be any or this machine's, and the kernel needs the module vsock";
      return has_port(address) ? "; the address must be one of this machine's" : "";
    case Code::FAILED_PRECONDITION:
      if (address.kind() == Address::Kind::descriptor)
        return "; give the number of a listening socket that the program's parent process has opened";
      return "";
    default:
      return "";
  }
}

}  // namespace

Listener::Listener(std::span<Shard* const> shards, ConnectionSink& sink, std::uint32_t max_connections,
                   std::uint32_t max_connections_per_address)
    : shards_(shards),
      sink_(sink),
      max_connections_(max_connections),
      max_connections_per_address_(max_connections_per_address > 0 ? max_connections_per_address
                                                                   : UINT32_MAX) {}

Result<std::string> Listener::listen(const Address& address) {
  const bool open = address.kind() == Address::Kind::descriptor;
  Result<std::vector<SocketAddress>> sockets;
  if (!open) sockets = resolve(address.bound());
  if (!sockets) return std::unexpected(std::move(sockets).error());
  Io& io = shards_.front()->io();
  // A name with several addresses (localhost) listens on the first: the others may not exist on this machine.
  auto entrance = std::make_unique<Entrance>(*this, address.tls());
  Result<std::unique_ptr<Acceptor>> acceptor =
      open ? io.listen(UniqueFd(static_cast<int>(address.port())), *entrance)
           : io.listen(sockets->front(), SOMAXCONN, *entrance);
  if (!acceptor) {
    const Status& cause = acceptor.error();
    const std::string ours =
        !open && cause.code() == Code::ALREADY_EXISTS ? why_ours(sockets->front()) : std::string();
    return fail(
        ours.empty() ? cause.code() : Code::INVALID_ARGUMENT,
        "listen on " + address.to_string() + ": " +
            (ours.empty() ? std::string(cause.message()).append(remedy(cause.code(), address)) : ours),
        cause.initiator());
  }
  // The bound unix socket is for the hypervisor. Clients cannot use it as an address.
  const bool hybrid = address.kind() == Address::Kind::hybrid_vsock;
  std::string bound = hybrid ? address.with_tls(false).to_string() : to_string((*acceptor)->address());
  if (address.tls()) bound.insert(0, tls_prefix);
  entrance->acceptor = std::move(*acceptor);
  entrances_.push_back(std::move(entrance));
  return bound;
}

std::string Listener::why_ours(const SocketAddress& wanted) const {
  for (const auto& entrance : entrances_) {
    const SocketAddress given = entrance->acceptor->address();
    if (to_string(given) == to_string(wanted)) return "this address is given twice";
    if (includes(given, wanted)) return to_string(given) + ", given too, includes it; leave one out";
    if (includes(wanted, given)) return "it includes " + to_string(given) + ", given too; leave one out";
  }
  return {};
}

void Listener::take(UniqueFd connection, bool tls) try {
  if (connections() >= max_connections_)
    return refuse(
        connection, full_logged_,
        std::to_string(max_connections_) +
            " connections are open, as many as ServerOptions::max_connections (grpcd --max-connections) "
            "allows; raise it, or lower max_connections_per_address");
  const PeerKey key = peer_key(shards_.front()->io().peer(connection), connection.get());
  PeerCounts::Hold counted = PeerCounts::take(peer_counts_, key, max_connections_per_address_);
  if (!counted) {
    refused_of_address_.fetch_add(1, std::memory_order_relaxed);
    return refuse(connection, full_address_logged_,
                  std::to_string(max_connections_per_address_) +
                      " connections of its address are open, as many as "
                      "ServerOptions::max_connections_per_address (grpcd --max-connections-per-address) "
                      "allows; raise it if many clients share the address, as behind a proxy");
  }
  accepted_.fetch_add(1, std::memory_order_relaxed);
  Shard& shard = least_loaded();
  shard.load().fetch_add(1, std::memory_order_relaxed);
  RINGRPC_PROBE(accept, connection.get(), shard.index());
  if (&shard == Shard::current())
    return sink_.on_connection(shard, std::move(connection), tls, std::move(counted));
  try {
    shard.post([&sink = sink_, &shard, tls, connection = std::move(connection),
                counted = std::move(counted)]() mutable {
      sink.on_connection(shard, std::move(connection), tls, std::move(counted));
    });
  } catch (...) {
    shard.load().fetch_sub(1, std::memory_order_relaxed);
    throw;
  }
} catch (...) {  // the connection is closed
  (void)caught();
}

/// Logs and counts a connection that the caller closes. The quota limits the log, because clients decide how
/// often this happens.
void Listener::refuse(const UniqueFd& connection, LogQuota& logged, const std::string& why) {
  refused_.fetch_add(1, std::memory_order_relaxed);
  const Shard& shard = *shards_.front();
  const auto left_out = logged.take(shard.now());
  if (!left_out) return;
  const SocketAddress peer = shards_.front()->io().peer(connection);
  log::warn("{}: closed at once: {}{}", peer.length > 0 ? to_string(peer) : "a client", why,
            left_out->words());
}

/// The quota limits these too: they repeat while descriptors are short, which clients can cause.
void Listener::report(int accept_error) try {
  accept_errors_.fetch_add(1, std::memory_order_relaxed);
  const auto left_out = errors_logged_.take(shards_.front()->now());
  if (!left_out) return;
  const bool descriptors = accept_error == EMFILE || accept_error == ENFILE;
  log::warn("{}{}{}", from_errno("accept", accept_error).message(),
            descriptors ? "; new connections are closed at once; raise the limit (ulimit -n)" : "",
            left_out->words());
} catch (const std::bad_alloc&) {
  // There is no memory for the log line.
}

Shard& Listener::least_loaded() const {
  return **std::ranges::min_element(
      shards_, {}, [](Shard* shard) { return shard->load().load(std::memory_order_relaxed); });
}

std::uint32_t Listener::connections() const {
  return std::transform_reduce(shards_.begin(), shards_.end(), 0u, std::plus<>(),
                               [](Shard* shard) { return shard->load().load(std::memory_order_relaxed); });
}

}  // namespace ringrpc
