/// The policy random_subsetting (gRFC A68): another policy over a few of the backends, drawn at random.
///
/// The balancer draws a number, by which it draws the backends (rpc/naming/address_subset.h): each client and shard
/// has a subset of its own, which changes little when backends come and go.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "ringrpc/load_balancing.h"

#include "reactor/shard.h"
#include "rpc/balancing/inner_balancer.h"
#include "rpc/naming/address_subset.h"

namespace ringrpc {
namespace {

class RandomSubsettingPolicy final : public BalancingPolicy {
 public:
  RandomSubsettingPolicy(std::size_t size, std::shared_ptr<const BalancingPolicy> other)
      : size_(std::max<std::size_t>(size, 1)), other_(std::move(other)) {}
  std::unique_ptr<Balancer> make() const override;
  std::size_t size() const noexcept { return size_; }
  const BalancingPolicy* other() const noexcept { return other_.get(); }

 private:
  const std::size_t size_;
  const std::shared_ptr<const BalancingPolicy> other_;
};

class RandomSubsetting final : public Balancer {
 public:
  RandomSubsetting(Shard& shard, const RandomSubsettingPolicy& policy)
      : shard_(shard),
        size_(policy.size()),
        seed_(std::mt19937_64(static_cast<std::uint64_t>(shard.now().time_since_epoch().count()) +
                              shard.index())()),
        other_(make_balancer(policy.other(), shard)) {}

  void update(std::span<Backend* const> backends) override {
    const std::vector<std::size_t> drawn =
        address_subset(backends.size(), size_, seed_,
                       [&](std::size_t at) -> std::string_view { return backends[at]->address(); });
    std::vector<Backend*> subset;
    subset.reserve(drawn.size());
    for (const std::size_t at : drawn) subset.push_back(backends[at]);
    std::vector<const Backend*> inside(subset.begin(), subset.end());
    std::ranges::sort(inside);
    other_.update(subset);
    // From here on nothing fails.
    inside_.swap(inside);
    for (Backend* const backend : backends)
      if (!std::ranges::binary_search(inside_, backend)) backend->release();
  }
  bool follow(const BalancingPolicy& policy) override {
    const auto* const next = dynamic_cast<const RandomSubsettingPolicy*>(&policy);
    if (!next) return false;
    other_.follow(next->other(), shard_);
    size_ = next->size();
    return true;
  }
  void on_state(Backend& backend) noexcept override {
    if (std::ranges::binary_search(inside_, &backend)) other_->on_state(backend);
  }
  void connect() noexcept override { other_->connect(); }
  Connectivity state() const noexcept override { return other_->state(); }
  Backend* pick(const PickedCall& call) noexcept override { return other_->pick(call); }
  bool chooses_by_call() const noexcept override { return other_->chooses_by_call(); }
  bool checks_health() const noexcept override { return other_.latest().checks_health(); }

 private:
  Shard& shard_;
  std::size_t size_;
  const std::uint64_t seed_;
  std::vector<const Backend*> inside_;  // in the order of their addresses in memory
  InnerBalancer other_;
};

std::unique_ptr<Balancer> RandomSubsettingPolicy::make() const {
  return std::make_unique<RandomSubsetting>(Shard::here(), *this);
}

}  // namespace

std::shared_ptr<const BalancingPolicy> random_subsetting(std::size_t size,
                                                         std::shared_ptr<const BalancingPolicy> other) {
  return std::make_shared<RandomSubsettingPolicy>(size, std::move(other));
}

}  // namespace ringrpc
