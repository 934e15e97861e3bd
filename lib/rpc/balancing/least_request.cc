/// The policy least_request (gRFC A48): of a few backends drawn at random, the one with the fewest calls.
#include <algorithm>
#include <memory>
#include <random>

#include "reactor/shard.h"
#include "rpc/balancing/ready_backends.h"

namespace ringrpc {
namespace {

class LeastRequest final : public Balancer {
 public:
  LeastRequest(Shard& shard, unsigned choices) noexcept
      : choices_(choices),
        random_(static_cast<std::uint32_t>(shard.now().time_since_epoch().count()) + shard.index()) {}

  void update(std::span<Backend* const> backends) override { backends_.update(backends); }
  void on_state(Backend& backend) noexcept override { backends_.on_state(backend); }
  void connect() noexcept override { backends_.connect(); }

  Backend* pick(const PickedCall&) noexcept override {
    const std::vector<Backend*>& ready = backends_.ready();
    if (ready.empty()) return nullptr;
    Backend* best = nullptr;
    std::size_t fewest = 0;
    for (unsigned drawn = 0; drawn < choices_; ++drawn) {
      Backend* const backend = ready[random_() % ready.size()];
      if (!backend->has_room()) continue;
      const std::size_t calls = backend->calls_in_flight();
      if (best && calls >= fewest) continue;
      best = backend;
      fewest = calls;
    }
    if (best) return best;
    const auto with_room = std::ranges::find_if(
        ready, &Backend::has_room, [](const Backend* backend) -> const Backend& { return *backend; });
    return with_room == ready.end() ? nullptr : *with_room;
  }

 private:
  const unsigned choices_;
  std::minstd_rand random_;
  ReadyBackends backends_;
};

class LeastRequestPolicy final : public BalancingPolicy {
 public:
  explicit LeastRequestPolicy(unsigned choices) noexcept : choices_(std::clamp(choices, 2u, 10u)) {}
  std::unique_ptr<Balancer> make() const override {
    return std::make_unique<LeastRequest>(Shard::here(), choices_);
  }

 private:
  const unsigned choices_;
};

}  // namespace

std::shared_ptr<const BalancingPolicy> least_request(unsigned choices) {
  return std::make_shared<LeastRequestPolicy>(choices);
}

}  // namespace ringrpc
