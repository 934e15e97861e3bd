/// The policy pick_first: one backend takes all calls, the first that can be reached.
///
/// 1. `connect` begins a pass over the backends, the families of their addresses taking turns. Each is tried
///    when the last one has failed, or 250 ms after it was begun (gRFC A61).
/// 2. The first that is ready takes all calls; the other attempts are stopped. When it is not ready any more,
///    the next call begins another pass.
/// 3. When all have failed, the policy has failed until one is ready (gRFC A62), whatever the addresses are.
#pragma once

#include <cstddef>
#include <memory>
#include <random>
#include <vector>

#include "ringrpc/load_balancing.h"

#include "reactor/shard.h"

namespace ringrpc {

class PickFirst final : public Balancer, private Timer {
 public:
  PickFirst(Shard& shard, const PickFirstOptions& options);

  void update(std::span<Backend* const> backends) override;
  bool follow(const BalancingPolicy& policy) override;
  void on_state(Backend& backend) noexcept override;
  void connect() noexcept override;
  Connectivity state() const noexcept override;
  Backend* pick(const PickedCall&) noexcept override { return selected_; }
  /// It would keep a connection that it cannot use (gRFC A17).
  bool checks_health() const noexcept override { return false; }

 private:
  void on_time() override { try_next(); }
  void try_next() noexcept;
  void select(Backend& backend) noexcept;

  Shard& shard_;
  bool shuffle_;
  std::minstd_rand random_;
  std::vector<Backend*> backends_;
  Backend* selected_ = nullptr;  // is ready
  std::size_t next_ = 0;         // of the backends, the next to be tried; all of them while there is no pass
  bool failed_ = false;          // all have failed, and none was ready since
};

/// The balancer of a policy on this shard, which is the one that runs; that of pick_first if there is none.
std::unique_ptr<Balancer> make_balancer(const BalancingPolicy* policy, Shard& shard);

/// True if the balancer follows the policy, as Balancer::follow says; null is pick_first.
bool follow(Balancer& balancer, const BalancingPolicy* policy);

}  // namespace ringrpc
