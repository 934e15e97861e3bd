#include "ringrpc/load_balancing.h"

namespace ringrpc {

Connectivity joint_state(std::span<Backend* const> backends) noexcept {
  using enum Connectivity;
  Connectivity joint = transient_failure;
  for (const Backend* const backend : backends) {
    const Connectivity state = backend->state();
    if (state == ready) return ready;
    if (state == connecting || (state == idle && joint == transient_failure)) joint = state;
  }
  return joint;
}

}  // namespace ringrpc
