/// The backends of a policy that connects to all of them, and those of them that are ready.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "ringrpc/load_balancing.h"

namespace ringrpc {

class ReadyBackends {
 public:
  /// Takes over the backends and connects to those that are idle.
  void update(std::span<Backend* const> backends) {
    std::vector<Backend*> all(backends.begin(), backends.end());
    std::vector<Backend*> ready;
    ready.reserve(all.size());  // for all that become ready
    for (Backend* const backend : all)
      if (backend->state() == Connectivity::ready) ready.push_back(backend);
    all_.swap(all);
    ready_.swap(ready);
    connect();
  }

  void on_state(Backend& backend) noexcept {
    const auto found = std::ranges::find(ready_, &backend);
    const bool ready = backend.state() == Connectivity::ready;
    if (ready && found == ready_.end()) ready_.push_back(&backend);
    if (!ready && found != ready_.end()) ready_.erase(found);
    backend.connect();
  }

  void connect() noexcept {
    for (Backend* const backend : all_) backend->connect();
  }

  Connectivity state() const noexcept { return ready_.empty() ? joint_state(all_) : Connectivity::ready; }

  /// Those that are ready, in the order in which they became so.
  const std::vector<Backend*>& ready() const noexcept { return ready_; }

 private:
  std::vector<Backend*> all_;
  std::vector<Backend*> ready_;
};

}  // namespace ringrpc
