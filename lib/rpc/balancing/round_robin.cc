/// The policy round_robin: the backends that are ready take turns.
#include <memory>
#include <random>

#include "reactor/shard.h"
#include "rpc/balancing/ready_backends.h"

namespace ringrpc {
namespace {

class RoundRobinPolicy final : public BalancingPolicy {
 public:
  std::unique_ptr<Balancer> make() const override;
};

class RoundRobin final : public Balancer {
 public:
  /// Each shard begins elsewhere, so that the first calls of many do not meet at one backend.
  explicit RoundRobin(Shard& shard) noexcept
      : next_(std::minstd_rand(static_cast<std::uint32_t>(shard.now().time_since_epoch().count()) +
                               shard.index())()) {}

  void update(std::span<Backend* const> backends) override { backends_.update(backends); }
  bool follow(const BalancingPolicy& policy) override {
    return dynamic_cast<const RoundRobinPolicy*>(&policy) != nullptr;
  }
  void on_state(Backend& backend) noexcept override { backends_.on_state(backend); }
  void connect() noexcept override { backends_.connect(); }
  Connectivity state() const noexcept override { return backends_.state(); }

  Backend* pick(const PickedCall&) noexcept override {
    const std::vector<Backend*>& ready = backends_.ready();
    for (std::size_t tried = 0; tried < ready.size(); ++tried) {
      if (next_ >= ready.size()) next_ %= ready.size();
      Backend* const backend = ready[next_++];
      if (backend->has_room()) return backend;
    }
    return nullptr;
  }

 private:
  ReadyBackends backends_;
  std::size_t next_;
};

std::unique_ptr<Balancer> RoundRobinPolicy::make() const {
  return std::make_unique<RoundRobin>(Shard::here());
}

}  // namespace

std::shared_ptr<const BalancingPolicy> round_robin() { return std::make_shared<RoundRobinPolicy>(); }

}  // namespace ringrpc
