/// The backends of a channel after a look-up: those of the last one that were found again, and new ones.
///
///   ShardChannel::NextBackends next(backends_);
///   next.add(*this, std::move(endpoint));      // for each endpoint
///   balancer_->update(next.backends);          // then the owners move to the channel
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rpc/client/shard_channel.h"
#include "rpc/client/subchannel.h"
#include "rpc/naming/endpoint.h"

namespace ringrpc {

struct ShardChannel::NextBackends {
  using Owner = std::unique_ptr<Subchannel>;

  /// `present` stays as it is as long as this is in use.
  explicit NextBackends(std::vector<Owner>& present) {
    for (Owner& backend : present) known.emplace(&backend->endpoint(), &backend);
  }

  /// No effect if the endpoint was added before.
  void add(ShardChannel& channel, Endpoint&& endpoint) {
    const auto found = known.find(&endpoint);
    if (found != known.end() && !found->second) return;
    Owner* owner = nullptr;
    if (found == known.end()) {
      owner = &made.emplace_back(std::make_unique<Subchannel>(channel, std::move(endpoint)));
      known.emplace(&(*owner)->endpoint(), nullptr);
    } else {
      owner = std::exchange(found->second, nullptr);
    }
    owners.push_back(owner);
    backends.push_back(owner->get());
  }

  struct Hash {
    std::size_t operator()(const Endpoint* endpoint) const noexcept {
      return std::hash<std::string_view>()(endpoint->name);
    }
  };
  struct Same {
    bool operator()(const Endpoint* one, const Endpoint* other) const noexcept { return *one == *other; }
  };

  std::vector<Backend*> backends;
  std::vector<Owner*> owners;                                     // of the backends
  std::deque<Owner> made;                                         // those that are new
  std::unordered_map<const Endpoint*, Owner*, Hash, Same> known;  // null once it was added
};

}  // namespace ringrpc
