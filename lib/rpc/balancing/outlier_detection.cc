/// The policy outlier_detection (gRFC A50): another policy, from which it hides the backends that fail
/// more calls than the others.
///
/// At the end of each interval it counts the calls that ended in it, by backend, and
/// 1. ejects those whose rate of success is too far below the mean, and those that
///    fail too large a percentage;
/// 2. takes those back whose time is over, which grows with each ejection.
/// An ejected backend is in transient failure for the other policy. The channel keeps its connections.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ringrpc/load_balancing.h"

#include "reactor/shard.h"
#include "rpc/balancing/inner_balancer.h"

namespace ringrpc {
namespace {

constexpr unsigned all_percent = 100;

/// A backend as the other policy sees it.
class WatchedBackend final : public Backend {
 public:
  explicit WatchedBackend(Backend& backend) noexcept : backend_(backend), before_(backend.calls_ended()) {}

  // Backend
  const std::string& address() const noexcept override { return backend_.address(); }
  Connectivity state() const noexcept override {
    return ejected() ? Connectivity::transient_failure : backend_.state();
  }
  bool has_room() const noexcept override { return !ejected() && backend_.has_room(); }
  std::size_t calls_in_flight() const noexcept override { return backend_.calls_in_flight(); }
  CallCounts calls_ended() const noexcept override { return backend_.calls_ended(); }
  void connect() noexcept override { backend_.connect(); }
  void release() noexcept override { backend_.release(); }
  void pick_again() noexcept override { backend_.pick_again(); }

  Backend& backend() const noexcept { return backend_; }

  /// The calls that ended since this was last called are those of the interval from now on.
  void end_interval() noexcept {
    const CallCounts now = backend_.calls_ended();
    interval_ = {.all = now.all - before_.all, .failed = now.failed - before_.failed};
    before_ = now;
  }
  std::uint64_t calls() const noexcept { return interval_.all; }
  double failed_share() const noexcept {
    return static_cast<double>(interval_.failed) / static_cast<double>(interval_.all);
  }

  bool ejected() const noexcept { return ejected_at_ != never; }
  Instant ejected_at() const noexcept { return ejected_at_; }
  void eject(Instant now) noexcept {
    ejected_at_ = now;
    ++times_;
  }
  void take_back() noexcept { ejected_at_ = never; }
  /// An interval has ended in which it was not ejected.
  void forgive() noexcept { times_ -= times_ > 0 ? 1 : 0; }
  /// True if its ejection is over.
  bool has_served(Instant now, const OutlierDetectionOptions& options) const noexcept {
    const Nanoseconds most = std::max(options.base_ejection_time, options.max_ejection_time);
    const bool longest = options.base_ejection_time > most / times_;
    return now > after(ejected_at_, longest ? most : options.base_ejection_time * times_);
  }

 private:
  Backend& backend_;
  CallCounts before_;
  CallCounts interval_;
  Instant ejected_at_ = never;
  std::int64_t times_ = 0;  // it was ejected, less those that are forgiven
};

class OutlierDetectionPolicy final : public BalancingPolicy {
 public:
  OutlierDetectionPolicy(const OutlierDetectionOptions& options, std::shared_ptr<const BalancingPolicy> other)
      : options_(options), other_(std::move(other)) {
    constexpr std::chrono::milliseconds shortest{1};
    options_.interval = std::max<Nanoseconds>(options_.interval, shortest);
  }
  std::unique_ptr<Balancer> make() const override;
  const OutlierDetectionOptions& options() const noexcept { return options_; }
  const BalancingPolicy* other() const noexcept { return other_.get(); }

 private:
  OutlierDetectionOptions options_;
  const std::shared_ptr<const BalancingPolicy> other_;
};

class OutlierDetection final : public Balancer, private Timer {
 public:
  OutlierDetection(Shard& shard, const OutlierDetectionPolicy& policy)
      : shard_(shard),
        options_(policy.options()),
        random_(static_cast<std::uint32_t>(shard.now().time_since_epoch().count()) + shard.index()),
        other_(make_balancer(policy.other(), shard)) {}

  void update(std::span<Backend* const> backends) override;
  bool follow(const BalancingPolicy& policy) override;
  void on_state(Backend& backend) noexcept override {
    const auto found = members_.find(&backend);
    if (found != members_.end() && !found->second->ejected()) other_->on_state(*found->second);
  }
  void connect() noexcept override { other_->connect(); }
  Connectivity state() const noexcept override { return other_->state(); }
  Backend* pick(const PickedCall& call) noexcept override {
    Backend* const picked = other_->pick(call);
    return picked ? &static_cast<WatchedBackend*>(picked)->backend() : nullptr;
  }
  bool chooses_by_call() const noexcept override { return other_->chooses_by_call(); }
  bool checks_health() const noexcept override { return other_.latest().checks_health(); }

 private:
  using Members = std::unordered_map<const Backend*, std::unique_ptr<WatchedBackend>>;

  bool examines() const noexcept { return options_.success_rate || options_.failure_percentage; }
  void begin_interval() noexcept;
  void keep_one() noexcept;
  void on_time() override;
  template <class Rule, class Sees>
  void examine(const Rule& rule, Sees sees) noexcept;
  void eject_by_success_rate() noexcept;
  void eject_by_failure_percentage() noexcept;
  std::size_t count_with(std::uint64_t calls) const noexcept;
  bool may_eject() const noexcept;
  void eject(WatchedBackend& backend) noexcept;
  void take_back(WatchedBackend& backend) noexcept;

  Shard& shard_;
  OutlierDetectionOptions options_;
  std::minstd_rand random_;
  Instant interval_began_ = Instant::min();
  Members members_;
  std::vector<WatchedBackend*> order_;  // of the members, as the resolver has it
  std::size_t ejected_ = 0;
  InnerBalancer other_;  // destroyed before the members
};

void OutlierDetection::update(std::span<Backend* const> backends) {
  Members next;
  next.reserve(backends.size());
  std::vector<WatchedBackend*> order;
  order.reserve(backends.size());
  std::vector<Backend*> seen;
  seen.reserve(backends.size());
  for (Backend* const backend : backends) {
    const auto found = members_.find(backend);
    std::unique_ptr<WatchedBackend>& place = next[backend];
    if (found == members_.end()) place = std::make_unique<WatchedBackend>(*backend);
    order.push_back(found == members_.end() ? place.get() : found->second.get());
    seen.push_back(order.back());
  }
  other_.update(seen);
  // From here on nothing fails.
  for (auto& [backend, member] : next)
    if (!member) member = std::move(members_.find(backend)->second);
  members_.swap(next);
  order_.swap(order);
  ejected_ = static_cast<std::size_t>(std::ranges::count_if(order_, &WatchedBackend::ejected));
  keep_one();
  if (examines() && !armed()) begin_interval();
}

/// The ejections stay, and the interval ends as if it had begun with the new options (gRFC A50).
bool OutlierDetection::follow(const BalancingPolicy& policy) {
  const auto* const next = dynamic_cast<const OutlierDetectionPolicy*>(&policy);
  if (!next) return false;
  other_.follow(next->other(), shard_);
  options_ = next->options();
  if (examines()) {
    if (armed()) shard_.timers().arm(*this, after(interval_began_, options_.interval));
    return true;
  }
  Timer::cancel();
  for (WatchedBackend* const each : order_)
    if (each->ejected()) take_back(*each);
  return true;
}

void OutlierDetection::begin_interval() noexcept {
  interval_began_ = shard_.now();
  shard_.timers().arm(*this, after(interval_began_, options_.interval));
  for (WatchedBackend* const each : order_) each->end_interval();
}

/// Takes a backend back if the look-up has left none but ejected ones.
void OutlierDetection::keep_one() noexcept {
  if (ejected_ < order_.size() || order_.empty()) return;
  take_back(**std::ranges::min_element(order_, {}, &WatchedBackend::ejected_at));
}

void OutlierDetection::on_time() {
  begin_interval();
  const std::size_t before = ejected_;
  if (options_.success_rate) eject_by_success_rate();
  if (options_.failure_percentage) eject_by_failure_percentage();
  if (ejected_ > before) other_->connect();  // to another, if it had such a one alone
  const Instant now = shard_.now();
  for (WatchedBackend* const each : order_) {
    if (!each->ejected()) {
      each->forgive();
    } else if (each->has_served(now, options_)) {
      take_back(*each);
    }
  }
}

/// Ejects those that `sees` finds, if enough backends had enough calls.
template <class Rule, class Sees>
void OutlierDetection::examine(const Rule& rule, Sees sees) noexcept {
  for (WatchedBackend* const each : order_) {
    if (each->calls() < rule.request_volume || each->calls() == 0 || each->ejected()) continue;
    if (!may_eject()) return;
    if (sees(*each) && random_() % all_percent < rule.enforcement_percentage) eject(*each);
  }
}

void OutlierDetection::eject_by_success_rate() noexcept {
  const OutlierDetectionOptions::SuccessRate& rule = *options_.success_rate;
  const std::size_t count = count_with(rule.request_volume);
  if (count == 0 || count < rule.minimum_hosts) return;
  const auto share = [&](auto of) {
    double sum = 0;
    for (const WatchedBackend* const each : order_)
      if (each->calls() > 0 && each->calls() >= rule.request_volume) sum += of(1 - each->failed_share());
    return sum / static_cast<double>(count);
  };
  const double mean = share([](double rate) { return rate; });
  const double deviation = std::sqrt(share([&](double rate) { return (rate - mean) * (rate - mean); }));
  constexpr double milli = 1000;
  const double least = mean - deviation * rule.stdev_factor / milli;
  examine(rule, [&](const WatchedBackend& each) { return 1 - each.failed_share() < least; });
}

void OutlierDetection::eject_by_failure_percentage() noexcept {
  const OutlierDetectionOptions::FailurePercentage& rule = *options_.failure_percentage;
  if (count_with(rule.request_volume) < rule.minimum_hosts) return;
  examine(rule, [&](const WatchedBackend& each) {
    return each.failed_share() * all_percent > static_cast<double>(rule.threshold);
  });
}

std::size_t OutlierDetection::count_with(std::uint64_t calls) const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(
      order_, [calls](const WatchedBackend* each) { return each->calls() > 0 && each->calls() >= calls; }));
}

/// The last backend stays: without it all calls would fail.
bool OutlierDetection::may_eject() const noexcept {
  return ejected_ * all_percent < order_.size() * options_.max_ejection_percent &&
         ejected_ + 1 < order_.size();
}

void OutlierDetection::eject(WatchedBackend& backend) noexcept {
  const bool was_ready = backend.state() == Connectivity::ready;
  backend.eject(shard_.now());
  ++ejected_;
  if (!was_ready) return;
  other_->on_state(backend);
  backend.pick_again();
}

void OutlierDetection::take_back(WatchedBackend& backend) noexcept {
  backend.take_back();
  --ejected_;
  other_->on_state(backend);
  backend.pick_again();
}

std::unique_ptr<Balancer> OutlierDetectionPolicy::make() const {
  return std::make_unique<OutlierDetection>(Shard::here(), *this);
}

}  // namespace

std::shared_ptr<const BalancingPolicy> outlier_detection(std::shared_ptr<const BalancingPolicy> other,
                                                         const OutlierDetectionOptions& options) {
  return std::make_shared<OutlierDetectionPolicy>(options, std::move(other));
}

}  // namespace ringrpc
