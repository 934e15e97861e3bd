#include "rpc/naming/dns_resolver.h"

#include <algorithm>
#include <chrono>
#include <coroutine>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <utility>

#include "ringrpc/log.h"
#include "ringrpc/suspended.h"

#include "base/unique_fd.h"
#include "reactor/slices.h"
#include "rpc/naming/dns_lookup.h"

namespace ringrpc {
namespace {

/// The look-up of one place; none that is an address.
struct PlaceLookup final : DnsLookup::Handler {
  bool is_name() const noexcept { return lookup != nullptr; }
  void on_looked_up(Result<DnsAddresses> result) override {
    found = std::move(result);
    if (--*left == 0) waiting->resume();
  }

  std::unique_ptr<DnsLookup> lookup;
  std::optional<Result<DnsAddresses>> found;
  std::size_t* left = nullptr;
  Suspended* waiting = nullptr;
};

/// Waits for all look-ups.
class AllLookups {
 public:
  AllLookups(Shard& shard, const std::vector<Target::Place>& places, bool service_config, Nanoseconds timeout)
      : lookups_(places.size()) {
    for (std::size_t at = 0; at < places.size(); ++at) {
      if (!places[at].is_name()) continue;
      PlaceLookup& each = lookups_[at];
      each.left = &left_;
      each.waiting = &waiting_;
      const Address& address = places[at].address;
      DnsLookup::Handler& handler = each;
      each.lookup = std::make_unique<DnsLookup>(
          shard,
          DnsLookup::Question{address.name(), static_cast<std::uint16_t>(address.port()),
                              places[at].name_server, std::exchange(service_config, false), timeout},
          handler);
      ++left_;
    }
  }
  AllLookups(const AllLookups&) = delete;
  AllLookups& operator=(const AllLookups&) = delete;

  bool await_ready() const noexcept { return left_ == 0; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept { waiting_ = waiting; }
  std::vector<PlaceLookup>& await_resume() noexcept { return lookups_; }

 private:
  std::size_t left_ = 0;
  Suspended waiting_;
  std::vector<PlaceLookup> lookups_;
};

/// True if the system has a route to the address, as far as it knows without sending anything.
bool has_route(const SocketAddress& address) noexcept {
  const UniqueFd probe(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return probe &&
         ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0;
}

/// Puts IPv6 first (RFC 6724, 2.1), unless there is no route to it.
std::vector<SocketAddress> in_order(const std::vector<SocketAddress>& addresses) {
  const auto is_six = [](const SocketAddress& address) { return address.family() == AF_INET6; };
  const auto six = std::ranges::find_if(addresses, is_six);
  const bool six_first = six != addresses.end() && has_route(*six);
  std::vector<SocketAddress> ordered;
  ordered.reserve(addresses.size());
  for (const bool first : {true, false})
    for (const SocketAddress& address : addresses)
      if ((is_six(address) == six_first) == first) ordered.push_back(address);
  return ordered;
}

}  // namespace

/// The choice among the service configs that a name has.
Result<std::string> DnsResolver::config_in(const Result<std::string>& configs) const {
  return configs && !configs->empty() ? choose_config(*configs, *config_reader_) : configs;
}

Task<Result<Resolution>> DnsResolver::resolve(ResolveRequest) {
  Shard& shard = Shard::here();
  Resolution resolution{.addresses = {}, .valid_for = resolve_interval_max};
  AllLookups all(shard, places_, config_reader_.has_value(), timeout_);
  std::vector<PlaceLookup>& lookups = co_await all;
  Status failure;
  Slices slices(shard);
  for (std::size_t at = 0; at < places_.size(); ++at) {
    const Target::Place& place = places_[at];
    if (!lookups[at].found) {
      resolution.addresses.push_back({place.address.to_string(), place.address.server_name()});
      continue;
    }
    Result<DnsAddresses>& found = *lookups[at].found;
    if (!found) {
      if (places_.size() > 1) log::info("{}", found.error().message());
      if (failure.ok()) failure = std::move(found).error();
      resolution.valid_for = resolve_interval_min;
      continue;
    }
    resolution.valid_for =
        std::min<std::chrono::milliseconds>(resolution.valid_for, std::chrono::seconds(found->ttl_s));
    for (const SocketAddress& address : in_order(found->addresses)) {
      resolution.addresses.push_back({to_string(address), place.address.server_name()});
      if (slices.over()) co_await slices.next();
    }
  }
  if (resolution.addresses.empty()) co_return std::unexpected(std::move(failure));
  const auto named = std::ranges::find_if(lookups, &PlaceLookup::is_name);
  if (config_reader_ && named != lookups.end())
    resolution.service_config = config_in(named->lookup->service_configs());
  co_return resolution;
}

}  // namespace ringrpc
