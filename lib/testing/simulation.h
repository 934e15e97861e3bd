/// A simulated network with shards, and the loop that turns them. Tests of everything above the reactor run
/// in it.
///
///   Simulation simulation(seed, {.shards = 2, .faults = {.delay = 0.3}});
///   Server server(simulation.shard(0)); Client client(simulation.shard(1));
///   CHECK(simulation.run_until([&] { return client.done(); }));
///   ...                                        // destroy server and client
///   CHECK(simulation.clean());
///
/// All shards turn on the calling thread, in an order drawn from the seed. When all are idle, the clock jumps
/// to the next completion or timer, so that no test waits in real time. While a WorkerPool's thread works for
/// a coroutine of a shard, the clock stands still and the loop waits for the thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "ringrpc/clock.h"

#include "reactor/shard.h"
#include "testing/simulated.h"

namespace ringrpc {

class Simulation {
 public:
  struct Options {
    unsigned shards = 1;
    Faults faults{};
  };

  explicit Simulation(std::uint64_t seed, const Options& options);
  explicit Simulation(std::uint64_t seed) : Simulation(seed, Options()) {}
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;
  ~Simulation();

  SimulatedNetwork& network() noexcept { return network_; }
  Shard& shard(unsigned index) noexcept { return *shards_[index]; }
  Instant now() const noexcept { return network_.now(); }

  /// Turns every shard until `done()` is true, and advances the clock whenever they are idle. Returns false
  /// if nothing is left to happen, if `limit` of simulated time has passed, or if the shards stay busy
  /// without time passing.
  bool run_until(const std::function<bool()>& done, Nanoseconds limit = std::chrono::hours(1));

  /// Runs until nothing is left to happen. False if `limit` came first.
  bool run_until_quiet(Nanoseconds limit = std::chrono::hours(1));

  /// Runs for `time` of simulated time, even if nothing is left to happen before its end.
  void run_for(Nanoseconds time);

  /// True if every descriptor was closed and every slab was returned.
  bool clean() const noexcept;

 private:
  enum class Outcome { done, quiet, out_of_time, stuck };

  Outcome run(const std::function<bool()>& done, Instant end);
  void turn_all();
  bool wait_for_threads() const;

  SimulatedNetwork network_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace ringrpc
