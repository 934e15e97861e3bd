/// Uses the first backend that can be reached, and tries them in their order
/// (https://github.com/grpc/grpc/blob/master/doc/load-balancing.md#pick_first).
///
/// 1. `connect` begins a pass: each backend that may connect is tried, until one is ready.
/// 2. That one takes all calls. When it is not ready any more, the next call begins another pass, from the first on.
#pragma once

#include <cstddef>
#include <vector>

#include "rpc/balancing/policy.h"

namespace ringrpc {

class PickFirst final : public Policy {
 public:
  void update(std::span<Backend* const> backends) override;
  void on_state(Backend& backend) noexcept override;
  void connect() noexcept override;
  Backend* pick() noexcept override { return selected_; }

 private:
  void try_from(std::size_t place) noexcept;

  std::vector<Backend*> backends_;
  Backend* selected_ = nullptr;  // is ready
  Backend* tried_ = nullptr;     // is connecting
};

}  // namespace ringrpc
