#include "rpc/balancing/pick_first.h"

#include <algorithm>
#include <utility>

namespace ringrpc {

void PickFirst::update(std::span<Backend* const> backends) {
  std::vector<Backend*> updated(backends.begin(), backends.end());
  backends_.swap(updated);
  const auto remains = [&](Backend* backend) {
    return std::ranges::find(backends_, backend) != backends_.end();
  };
  if (selected_ && !remains(selected_)) selected_ = nullptr;
  if (tried_ && !remains(tried_)) {
    tried_ = nullptr;
    try_from(0);
  }
}

void PickFirst::connect() noexcept {
  if (!selected_ && !tried_) try_from(0);
}

void PickFirst::on_state(Backend& backend) noexcept {
  switch (backend.state()) {
    case Connectivity::ready:
      if (!selected_) selected_ = &backend;
      if (tried_ == &backend) tried_ = nullptr;
      return;
    case Connectivity::idle:
    case Connectivity::transient_failure:
      if (selected_ == &backend) selected_ = nullptr;
      if (tried_ != &backend) return;
      tried_ = nullptr;
      return try_from(static_cast<std::size_t>(std::ranges::find(backends_, &backend) - backends_.begin()) +
                      1);
    case Connectivity::connecting:
    case Connectivity::shutdown:
      return;
  }
}

/// Connects to the first that may be connected to, from this place on.
void PickFirst::try_from(std::size_t place) noexcept {
  for (; place < backends_.size(); ++place) {
    if (backends_[place]->state() != Connectivity::idle) continue;
    tried_ = backends_[place];
    tried_->connect();
    if (tried_ && tried_->state() != Connectivity::connecting)
      tried_ = nullptr;  // the channel is being closed
    return;
  }
}

}  // namespace ringrpc
