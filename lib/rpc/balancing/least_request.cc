/// The policy least_request (gRFC A48): of a few backends drawn at random, the one with the fewest calls.
#include <algorithm>
#include <cstdint>
#include <memory>

#include "reactor/shard.h"
#include "rpc/balancing/ready_backends.h"

namespace ringrpc {
namespace {

class LeastRequest final : public Balancer {
 public:
  LeastRequest(Shard& shard, unsigned choices) noexcept
      : choices_(choices),
        random_(static_cast<std::uint64_t>(shard.now().time_since_epoch().count()) + shard.index()) {}

  void update(std::span<Backend* const> backends) override { backends_.update(backends); }
  void on_state(Backend& backend) noexcept override { backends_.on_state(backend); }
  void connect() noexcept override { backends_.connect(); }

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
    if (best->has_room()) return best;
    const auto with_room = std::ranges::find_if(
        ready, &Backend::has_room, [](const Backend* backend) -> const Backend& { return *backend; });
    return with_room == ready.end() ? nullptr : *with_room;
  }

 private:
  /// A random number below `count`, by the generator of Knuth's MMIX: its upper bits, without a division.
  std::size_t draw(std::size_t count) noexcept {
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>((random_ >> 32) * count >> 32);
  }

  const unsigned choices_;
  std::uint64_t random_;
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
