#include "rpc/channelz/socket_details.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <utility>

#include "transport/address.h"

namespace ringrpc::channelz {
namespace {

template <class Value>
std::optional<Value> option(int descriptor, int level, int name) noexcept {
  Value value{};  // the kernel may know fewer fields
  socklen_t length = sizeof value;
  if (::getsockopt(descriptor, level, name, &value, &length) != 0) return std::nullopt;
  return value;
}

std::optional<std::chrono::microseconds> timeout(int descriptor, int name) noexcept {
  const auto value = option<timeval>(descriptor, SOL_SOCKET, name);
  if (!value) return std::nullopt;
  return std::chrono::seconds(value->tv_sec) + std::chrono::microseconds(value->tv_usec);
}

}  // namespace

SocketAddress local_address(int descriptor) noexcept {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0)
    address.length = 0;
  return address;
}

SocketOptions socket_options(int descriptor) noexcept {
  SocketOptions options;
  if (const auto value = option<linger>(descriptor, SOL_SOCKET, SO_LINGER))
    options.linger = {.active = value->l_onoff != 0, .duration = std::chrono::seconds(value->l_linger)};
  options.receive_timeout = timeout(descriptor, SO_RCVTIMEO);
  options.send_timeout = timeout(descriptor, SO_SNDTIMEO);
  options.tcp = option<tcp_info>(descriptor, IPPROTO_TCP, TCP_INFO);
  return options;
}

SocketSnapshot listen_socket(Ref bound) {
  SocketSnapshot socket;
  socket.local_name = bound.name;
  // A bound address is numeric. The socket of a hypervisor's port is not one that clients can use.
  const Result<Address> address = Address::parse(bound.name);
  if (address && address->kind() != Address::Kind::hybrid_vsock && resolves_at_once(*address))
    if (Result<std::vector<SocketAddress>> sockets = resolve(*address)) socket.local = sockets->front();
  socket.ref = std::move(bound);
  return socket;
}

}  // namespace ringrpc::channelz
