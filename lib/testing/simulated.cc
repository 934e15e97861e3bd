#include "testing/simulated.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>

#include "testing/simulated_io.h"
#include "testing/simulated_socket.h"

namespace ringrpc {

namespace {

/// Far above the kernel's descriptors, so that using one for the other fails. Never reused, so that a stale
/// one fails too.
constexpr int first_descriptor = 1 << 24;

/// Gives the network to a descriptor's close function, which has only the number.
thread_local SimulatedNetwork* network_of_thread = nullptr;

bool same(const SocketAddress& a, const SocketAddress& b) noexcept {
  return a.length == b.length && std::memcmp(&a.storage, &b.storage, a.length) == 0;
}

/// The port of an IP address; null for other families.
in_port_t* port_of(SocketAddress& address) noexcept {
  switch (address.family()) {
    case AF_INET:
      return &reinterpret_cast<sockaddr_in&>(address.storage).sin_port;
    case AF_INET6:
      return &reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port;
    default:
      return nullptr;
  }
}

}  // namespace

SimulatedNetwork::SimulatedNetwork(std::uint64_t seed, const Faults& faults)
    : faults_(faults), random_(seed), next_descriptor_(first_descriptor) {
  assert(!network_of_thread);
  network_of_thread = this;
}

SimulatedNetwork::~SimulatedNetwork() {
  assert(ios_.empty());
  files_.clear();
  network_of_thread = nullptr;
}

std::unique_ptr<Io> SimulatedNetwork::make_io() { return std::make_unique<SimulatedIo>(*this); }

std::pair<UniqueFd, UniqueFd> SimulatedNetwork::connected_pair(const SocketAddress& from) {
  auto [near, far] = SimulatedSocket::make_pair(faults_.socket_buffer_bytes);
  near->peer_address = from;
  UniqueFd first = install(std::move(near));
  return {std::move(first), install(std::move(far))};
}

Instant SimulatedNetwork::wakes_at() const noexcept {
  Instant earliest = never;
  for (const SimulatedIo* io : ios_) earliest = std::min(earliest, io->wakes_at());
  return earliest;
}

int SimulatedNetwork::close_descriptor(int descriptor) noexcept {
  assert(network_of_thread);
  const SimulatedKernel at_work;
  // Destroyed after it is off the table, because closing notifies the peer, which may search the table.
  const auto file = network_of_thread->files_.extract(descriptor);
  assert(file);
  return file ? 0 : -1;
}

bool SimulatedNetwork::happens(double probability, std::uint64_t& count) noexcept {
  if (probability <= 0) return false;
  const double drawn = static_cast<double>(random_() >> 11) * 0x1p-53;
  if (drawn >= probability) return false;
  ++count;
  return true;
}

Nanoseconds SimulatedNetwork::draw_delay() noexcept {
  if (!happens(faults_.delay, counts_.delays)) return Nanoseconds::zero();
  return Nanoseconds(1 + random_below(static_cast<std::uint64_t>(faults_.delay_max.count())));
}

/// FNV-1a over words.
void SimulatedNetwork::record(int descriptor, std::uint64_t what) noexcept {
  const auto when = static_cast<std::uint64_t>(now_.time_since_epoch().count());
  for (const std::uint64_t word : {when, static_cast<std::uint64_t>(descriptor), what})
    trace_ = (trace_ ^ word) * 0x100000001b3;
}

UniqueFd SimulatedNetwork::install(std::unique_ptr<SimulatedFile> file) {
  const int descriptor = next_descriptor_++;
  files_.emplace(descriptor, std::move(file));
  return UniqueFd(descriptor, close_descriptor);
}

SimulatedSocket& SimulatedNetwork::socket(int descriptor) {
  return dynamic_cast<SimulatedSocket&>(*files_.at(descriptor));
}

SimulatedListener& SimulatedNetwork::listener(int descriptor) {
  return dynamic_cast<SimulatedListener&>(*files_.at(descriptor));
}

SimulatedListener* SimulatedNetwork::find_listener(const SocketAddress& address) noexcept {
  for (const auto& [descriptor, file] : files_) {
    auto* listener = dynamic_cast<SimulatedListener*>(file.get());
    if (listener && same(listener->address(), address)) return listener;
  }
  return nullptr;
}

bool SimulatedNetwork::swallows(const SocketAddress& address) const noexcept {
  return std::ranges::any_of(swallowed_, [&](const SocketAddress& each) { return same(each, address); });
}

Result<UniqueFd> SimulatedNetwork::listen(const SocketAddress& address, int backlog) {
  SocketAddress bound = address;
  in_port_t* port = port_of(bound);
  if (port && *port == 0) *port = htons(next_port_++);
  if (find_listener(bound)) return std::unexpected(from_errno("bind", EADDRINUSE));
  return install(std::make_unique<SimulatedListener>(bound, backlog));
}

/// Makes a connection to `to`. An IP client gets a port of its own; other clients have no name.
std::pair<std::unique_ptr<SimulatedSocket>, std::unique_ptr<SimulatedSocket>> SimulatedNetwork::connect(
    const SocketAddress& to) {
  auto ends = SimulatedSocket::make_pair(faults_.socket_buffer_bytes);
  SocketAddress from = client_address_.length > 0 ? client_address_ : to;
  if (in_port_t* port = port_of(from))
    *port = htons(next_port_++);
  else
    from = {};
  ends.first->peer_address = to;
  ends.second->peer_address = from;
  return ends;
}

}  // namespace ringrpc
