#include "testing/simulation.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "reactor/shard_worker.h"

namespace ringrpc {

namespace {

/// Far more rounds without time passing than any test needs. Exceeding it means that the shards never become
/// idle.
constexpr unsigned rounds_at_once_max = 100'000;

/// Real time to wait for jobs that shards have given to threads.
constexpr std::chrono::minutes threads_timeout{5};

}  // namespace

Simulation::Simulation(std::uint64_t seed, const Options& options) : network_(seed, options.faults) {
  for (unsigned index = 0; index < options.shards; ++index) {
    shards_.push_back(std::make_unique<Shard>(index, network_.make_io()));
    ShardWorker::run_in_place(*shards_.back());
  }
}

Simulation::~Simulation() = default;

bool Simulation::run_until(const std::function<bool()>& done, Nanoseconds limit) {
  return run(done, after(now(), limit)) == Outcome::done;
}

bool Simulation::run_until_quiet(Nanoseconds limit) {
  return run([] { return false; }, after(now(), limit)) == Outcome::quiet;
}

void Simulation::run_for(Nanoseconds time) {
  const Instant end = after(now(), time);
  run([] { return false; }, end);
  network_.advance_to(end);
}

bool Simulation::clean() const noexcept {
  return network_.open_descriptors() == 0 &&
         std::all_of(shards_.begin(), shards_.end(),
                     [](const auto& shard) { return shard->slabs().in_use() == 0; });
}

Simulation::Outcome Simulation::run(const std::function<bool()>& done, Instant end) {
  for (unsigned rounds = 0; rounds < rounds_at_once_max; ++rounds) {
    if (done()) return Outcome::done;
    turn_all();
    const Instant next = network_.wakes_at();
    if (next <= now()) continue;
    if (done()) return Outcome::done;
    if (wait_for_threads()) continue;
    if (next == never) return Outcome::quiet;
    if (next > end) return Outcome::out_of_time;
    network_.advance_to(next);
    rounds = 0;
  }
  return Outcome::stuck;
}

/// Waits for mail while other threads work for a shard. False if none does, or if they take too long.
bool Simulation::wait_for_threads() const {
  using std::chrono::steady_clock;
  const auto busy = [](const auto& shard) { return shard->jobs_elsewhere() > 0; };
  const auto called = [](const auto& shard) { return shard->has_mail(); };
  if (std::ranges::none_of(shards_, busy)) return false;
  for (const auto deadline = steady_clock::now() + threads_timeout; steady_clock::now() < deadline;) {
    if (std::ranges::any_of(shards_, called)) return true;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  return false;
}

/// Runs one turn of every shard, in a new random order.
void Simulation::turn_all() {
  std::vector<Shard*> waiting;
  for (const auto& shard : shards_) waiting.push_back(shard.get());
  while (!waiting.empty()) {
    const auto next = waiting.begin() + static_cast<std::ptrdiff_t>(network_.random_below(waiting.size()));
    (*next)->turn(true);
    waiting.erase(next);
  }
}

}  // namespace ringrpc
