#include "rpc/balancing/pick_first.h"

#include <algorithm>
#include <chrono>

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

/// The Connection Attempt Delay of RFC 8305.
constexpr Nanoseconds attempt_delay = 250ms;

/// In their order, but with the families taking turns (RFC 8305, 4).
std::vector<Backend*> interleaved(std::span<Backend* const> backends) {
  const auto is_six = [](const Backend* backend) { return backend->address().starts_with('['); };
  std::vector<Backend*> mixed;
  mixed.reserve(backends.size());
  std::size_t place[] = {0, 0};  // of the next one of each family
  bool six = !backends.empty() && is_six(backends.front());
  while (mixed.size() < backends.size()) {
    std::size_t& at = place[six ? 1 : 0];
    while (at < backends.size() && is_six(backends[at]) != six) ++at;
    if (at < backends.size()) mixed.push_back(backends[at++]);
    six = !six;
  }
  return mixed;
}

class PickFirstPolicy final : public BalancingPolicy {
 public:
  explicit PickFirstPolicy(const PickFirstOptions& options) noexcept : options_(options) {}
  std::unique_ptr<Balancer> make() const override {
    return std::make_unique<PickFirst>(Shard::here(), options_);
  }
  const PickFirstOptions& options() const noexcept { return options_; }

 private:
  const PickFirstOptions options_;
};

}  // namespace

std::shared_ptr<const BalancingPolicy> pick_first(const PickFirstOptions& options) {
  return std::make_shared<PickFirstPolicy>(options);
}

PickFirst::PickFirst(Shard& shard, const PickFirstOptions& options)
    : shard_(shard),
      shuffle_(options.shuffle),
      random_(static_cast<std::uint32_t>(shard.now().time_since_epoch().count()) + shard.index()) {}

void PickFirst::update(std::span<Backend* const> backends) {
  std::vector<Backend*> order(backends.begin(), backends.end());
  if (shuffle_) std::ranges::shuffle(order, random_);
  order = interleaved(order);
  const bool passing = next_ < backends_.size() || armed();
  backends_.swap(order);
  if (std::ranges::find(backends_, selected_) == backends_.end()) selected_ = nullptr;
  next_ = backends_.size();
  if (selected_) return;
  const auto is_ready = [](const Backend* backend) { return backend->state() == Connectivity::ready; };
  if (const auto ready = std::ranges::find_if(backends_, is_ready); ready != backends_.end())
    return select(**ready);  // another policy connected to it
  if (passing || failed_) connect();
}

bool PickFirst::follow(const BalancingPolicy& policy) {
  const auto* const next = dynamic_cast<const PickFirstPolicy*>(&policy);
  if (next) shuffle_ = next->options().shuffle;
  return next != nullptr;
}

void PickFirst::connect() noexcept {
  if (selected_) return;
  next_ = 0;
  try_next();
}

Connectivity PickFirst::state() const noexcept {
  if (selected_) return Connectivity::ready;
  return failed_ ? Connectivity::transient_failure : joint_state(backends_);
}

/// Connects to the next one that may be connected to.
void PickFirst::try_next() noexcept {
  Timer::cancel();
  while (next_ < backends_.size()) {
    Backend& backend = *backends_[next_++];
    if (backend.state() != Connectivity::idle) continue;
    if (next_ < backends_.size()) shard_.timers().arm(*this, after(shard_.now(), attempt_delay));
    return backend.connect();
  }
}

void PickFirst::on_state(Backend& backend) noexcept {
  switch (backend.state()) {
    case Connectivity::ready:
      if (!selected_) select(backend);
      return;
    case Connectivity::idle:
    case Connectivity::transient_failure:
      if (selected_ == &backend) {
        selected_ = nullptr;
      } else if (failed_) {
        connect();  // no call does
      } else if (!selected_) {
        try_next();
      }
      failed_ = state() == Connectivity::transient_failure;
      return;
    case Connectivity::connecting:
    case Connectivity::shutdown:
      return;
  }
}

void PickFirst::select(Backend& backend) noexcept {
  selected_ = &backend;
  failed_ = false;
  next_ = backends_.size();
  Timer::cancel();
  for (Backend* const other : backends_)
    if (other != &backend) other->release();
}

std::unique_ptr<Balancer> make_balancer(const BalancingPolicy* policy, Shard& shard) {
  std::unique_ptr<Balancer> made = policy ? policy->make() : nullptr;
  return made ? std::move(made) : std::make_unique<PickFirst>(shard, PickFirstOptions());
}

bool follow(Balancer& balancer, const BalancingPolicy* policy) {
  const PickFirstPolicy usual{PickFirstOptions()};
  return balancer.follow(policy ? *policy : usual);
}

}  // namespace ringrpc
