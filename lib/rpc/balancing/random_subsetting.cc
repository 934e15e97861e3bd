/// The policy random_subsetting (gRFC A68): another policy over a few of the backends, drawn at random.
///
/// Each backend has a hash of its address and of a number that the balancer has drawn. Those with the
/// lowest hashes are the subset. So a backend that comes or goes changes one place of it, and each
/// client and shard has a subset of its own.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ringrpc/load_balancing.h"

#include "reactor/shard.h"
#include "rpc/balancing/pick_first.h"

namespace ringrpc {
namespace {

class RandomSubsetting final : public Balancer {
 public:
  RandomSubsetting(Shard& shard, std::size_t size, std::unique_ptr<Balancer> other)
      : size_(size),
        seed_(std::mt19937_64(static_cast<std::uint64_t>(shard.now().time_since_epoch().count()) +
                              shard.index())()),
        other_(std::move(other)) {}

  void update(std::span<Backend* const> backends) override {
    std::vector<Ranked> ranked;
    ranked.reserve(backends.size());
    for (Backend* const backend : backends) {
      const std::string& address = backend->address();
      ranked.push_back({XXH64(address.data(), address.size(), seed_), backend});
    }
    const std::size_t count = std::min(size_, ranked.size());
    const auto middle = ranked.begin() + static_cast<std::ptrdiff_t>(count);
    std::ranges::nth_element(ranked, middle, {}, &Ranked::hash);
    std::vector<const Backend*> inside;
    inside.reserve(count);
    for (auto each = ranked.begin(); each != middle; ++each) inside.push_back(each->backend);
    std::ranges::sort(inside);
    std::vector<Backend*> subset;  // in the order of the resolver
    subset.reserve(count);
    for (Backend* const backend : backends)
      if (std::ranges::binary_search(inside, backend)) subset.push_back(backend);
    other_->update(subset);
    // From here on nothing fails.
    inside_.swap(inside);
    for (auto each = middle; each != ranked.end(); ++each) each->backend->release();
  }
  void on_state(Backend& backend) noexcept override {
    if (std::ranges::binary_search(inside_, &backend)) other_->on_state(backend);
  }
  void connect() noexcept override { other_->connect(); }
  Backend* pick(const PickedCall& call) noexcept override { return other_->pick(call); }
  bool chooses_by_call() const noexcept override { return other_->chooses_by_call(); }
  bool checks_health() const noexcept override { return other_->checks_health(); }

 private:
  struct Ranked {
    std::uint64_t hash;
    Backend* backend;
  };

  const std::size_t size_;
  const std::uint64_t seed_;
  std::vector<const Backend*> inside_;  // in the order of their addresses in memory
  const std::unique_ptr<Balancer> other_;
};

class RandomSubsettingPolicy final : public BalancingPolicy {
 public:
  RandomSubsettingPolicy(std::size_t size, std::shared_ptr<const BalancingPolicy> other)
      : size_(std::max<std::size_t>(size, 1)), other_(std::move(other)) {}
  std::unique_ptr<Balancer> make() const override {
    return std::make_unique<RandomSubsetting>(Shard::here(), size_,
                                              make_balancer(other_.get(), Shard::here()));
  }

 private:
  const std::size_t size_;
  const std::shared_ptr<const BalancingPolicy> other_;
};

}  // namespace

std::shared_ptr<const BalancingPolicy> random_subsetting(std::size_t size,
                                                         std::shared_ptr<const BalancingPolicy> other) {
  return std::make_shared<RandomSubsettingPolicy>(size, std::move(other));
}

}  // namespace ringrpc
