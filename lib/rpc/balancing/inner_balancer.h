/// The balancer inside another one. It follows a policy, from one to the next: the same balancer as long as that
/// can, then another.
///
///   InnerBalancer inner(make_balancer(policy, shard));
///   inner.follow(other_policy, shard);
///   inner.update(backends);                  // from here on the other policy is in force
#pragma once

#include <memory>
#include <span>
#include <utility>

#include "ringrpc/load_balancing.h"

#include "rpc/balancing/pick_first.h"

namespace ringrpc {

class InnerBalancer {
 public:
  explicit InnerBalancer(std::unique_ptr<Balancer> balancer) noexcept : balancer_(std::move(balancer)) {}

  /// Null is pick_first. Throws std::bad_alloc; then nothing has changed.
  void follow(const BalancingPolicy* policy, Shard& shard) {
    next_ = ringrpc::follow(*balancer_, policy) ? nullptr : make_balancer(policy, shard);
  }
  void update(std::span<Backend* const> backends) {
    latest().update(backends);
    if (next_) balancer_ = std::move(next_);
  }

  Balancer* operator->() const noexcept { return balancer_.get(); }
  /// The one that will be in force.
  Balancer& latest() const noexcept { return next_ ? *next_ : *balancer_; }

 private:
  std::unique_ptr<Balancer> balancer_;
  std::unique_ptr<Balancer> next_;  // takes its place with the next update
};

}  // namespace ringrpc
