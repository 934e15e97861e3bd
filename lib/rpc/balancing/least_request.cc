/// The policy least_request (gRFC A48): of a few backends drawn at random, the one with the fewest calls.
#include <algorithm>
#include <cstdint>
#include <memory>

#include "reactor/shard.h"
#include "rpc/balancing/ready_backends.h"

namespace ringrpc {
namespace {

class LeastRequestPolicy final : public BalancingPolicy {
 public:
  explicit LeastRequestPolicy(unsigned choices) noexcept : choices_(std::clamp(choices, 2u, 10u)) {}
  std::unique_ptr<Balancer> make() const override;
  unsigned choices() const noexcept { return choices_; }

 private:
  const unsigned choices_;
};

class LeastRequest final : public Balancer {
 public:
  LeastRequest(Shard& shard, unsigned choices) noexcept
      : choices_(choices),
        random_(static_cast<std::uint64_t>(shard.now().time_since_epoch().count()) + shard.index()) {}

  void update(std::span<Backend* const> backends) override { backends_.update(backends); }
  bool follow(const BalancingPolicy& policy) override {
    const auto* const next = dynamic_cast<const LeastRequestPolicy*>(&policy);
    if (next) choices_ = next->choices();
    return next != nullptr;
  }
  void on_state(Backend& backend) noexcept override { backends_.on_state(backend); }
  void connect() noexcept override { backends_.connect(); }
  Connectivity state() const noexcept override { return backends_.state(); }

  Backend* pick(const PickedCall&) noexcept override {
    const std::vector<Backend*>& ready = backends_.ready();
    if (ready.empty()) return nullptr;
    Backend* best = ready[draw(ready.size())];
    std::size_t fewest = best->calls_in_flight();
    for (unsigned drawn = 1; drawn < choices_; ++drawn) {
      Backend* const backend = ready[draw(ready.size())];
      const std::size_t calls = backend->calls_in_flight();
      if (calls >= fewest) continue;
      best = backend;
      fewest = calls;
    }
    return best->has_room() ? best : any_with_room();
  }

 private:
  /// Any of the backends with room, each with the same probability. Null if there is none.
  Backend* any_with_room() noexcept {
    Backend* any = nullptr;
    std::size_t found = 0;
    for (Backend* const backend : backends_.ready())
      if (backend->has_room() && draw(++found) == 0) any = backend;
    return any;
  }

  /// A random number below `count`, by the generator of Knuth's MMIX: its upper bits, without a division.
  std::size_t draw(std::size_t count) noexcept {
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>((random_ >> 32) * count >> 32);
  }

  unsigned choices_;
  std::uint64_t random_;
  ReadyBackends backends_;
};

std::unique_ptr<Balancer> LeastRequestPolicy::make() const {
  return std::make_unique<LeastRequest>(Shard::here(), choices_);
}

}  // namespace

std::shared_ptr<const BalancingPolicy> least_request(unsigned choices) {
  return std::make_shared<LeastRequestPolicy>(choices);
}

}  // namespace ringrpc
