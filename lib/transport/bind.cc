#include "transport/bind.h"

#include <cassert>
#include <chrono>
#include <thread>
#include <utility>

#include "reactor/run_on.h"
#include "transport/activation.h"

namespace ringrpc {

Result<std::vector<Address>> listen_addresses(const std::string& text) {
  Result<Address> address = Address::parse(text);
  if (!address) return std::unexpected(std::move(address).error());
  if (address->kind() != Address::Kind::systemd) return std::vector{*std::move(address)};
  Result<std::vector<Address>> passed = activated_sockets(address->name());
  if (passed && address->tls())
    for (Address& each : *passed) each = each.with_tls(true);
  return passed;
}

Result<std::string> bind(Shard& accepting, Listener& listener, const Address& address) {
  assert(!Shard::current());
  constexpr std::chrono::milliseconds pause{10};
  constexpr int attempts = 25;
  for (int attempt = 1;; ++attempt) {
    Result<std::string> bound = run_on(accepting, [&] { return listener.listen(address); });
    if (bound || bound.error().code() != Code::ALREADY_EXISTS || attempt == attempts) return bound;
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace ringrpc
