#include "grpcbench/run.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "ringrpc/block_on.h"

#include "reactor/backend.h"
#include "reactor/shards.h"
#include "rpc/channelz/reading.h"

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds show_interval = 100ms;
/// The time between the last connection and the first call, in which every thread gets the time of the start.
constexpr Nanoseconds head_start = 2ms;

/// Channels whose addresses are read; each knows all, unless its policy takes a subset.
constexpr std::size_t channels_read_max = 100;

/// The addresses to which the channels of a target may send calls.
Task<Result<std::vector<std::string>>> known_addresses(std::string target) {
  const auto channels = co_await channelz::read_channels(0, channels_read_max);
  if (!channels) co_return std::unexpected(channels.error());
  std::set<std::string> addresses;
  for (const channelz::ChannelSnapshot& channel : channels->entries) {
    if (channel.ref.name != target) continue;
    for (const channelz::Ref& subchannel : channel.subchannels) addresses.insert(subchannel.name);
  }
  co_return std::vector<std::string>(addresses.begin(), addresses.end());
}

/// A shard and its generator.
struct Lane {
  Shard* shard = nullptr;
  std::unique_ptr<Generator> generator;
};

class Run {
 public:
  Run(const Plan& plan, const apps::Signals& signals, Shards& shards) : plan_(plan), signals_(signals) {
    for (Shard* shard : shards.all()) lanes_.push_back({shard, nullptr});
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    on_every_shard([](Lane& lane) { lane.generator.reset(); });
  }

  RunOutcome run(const std::function<void(const RunSoFar&)>& show);

 private:
  /// Calls `act` on the shards of all lanes at the same time and waits for all of them.
  template <class F>
  void on_every_shard(const F& act);
  bool wait(const std::function<void()>& meanwhile);
  void one_less();
  void end_others(const Shard& than);
  void connect();
  void begin();
  unsigned connected() const;
  RunSoFar so_far() const;

  const Plan& plan_;
  const apps::Signals& signals_;
  std::vector<Lane> lanes_;
  std::atomic<unsigned> awaited_ = 0;  // shards that have not reported yet
  std::mutex mutex_;
  Status connect_failure_;
  Instant start_;
};

template <class F>
void Run::on_every_shard(const F& act) {
  std::latch done(static_cast<std::ptrdiff_t>(lanes_.size()));
  for (Lane& lane : lanes_) {
    lane.shard->post([&] {
      act(lane);
      done.count_down();
    });
  }
  done.wait();
}

void Run::one_less() {
  if (--awaited_ == 0) signals_.notify();
}

/// Ends the other threads' load too: some of the threads alone would not make the requested load.
void Run::end_others(const Shard& than) {
  for (Lane& lane : lanes_)
    if (lane.shard != &than) lane.shard->post([&lane] { lane.generator->cease(); });
}

/// Waits until all shards have reported. False when a signal came first.
bool Run::wait(const std::function<void()>& meanwhile) {
  for (;;) {
    const std::optional<int> signal = signals_.wait_for(show_interval);
    if (signal && *signal != apps::Signals::notified) return false;
    if (awaited_ == 0) return true;
    meanwhile();
  }
}

void Run::connect() {
  awaited_ = static_cast<unsigned>(lanes_.size());
  on_every_shard([this](Lane& lane) {
    const auto index = static_cast<unsigned>(&lane - lanes_.data());
    Generator::Events events;
    events.on_connected = [this](Status status) {
      if (!status.ok()) {
        const std::lock_guard lock(mutex_);
        connect_failure_ = std::move(status);
      }
      one_less();
    };
    events.on_ended_early = [this, &lane] { end_others(*lane.shard); };
    events.on_done = [this] { one_less(); };
    lane.generator = std::make_unique<Generator>(*lane.shard, plan_, index, std::move(events));
    lane.generator->connect();
  });
}

void Run::begin() {
  awaited_ = static_cast<unsigned>(lanes_.size());
  start_ = std::chrono::steady_clock::now() + head_start;
  on_every_shard([this](Lane& lane) { lane.generator->begin(start_); });
}

unsigned Run::connected() const {
  unsigned sum = 0;
  for (const Lane& lane : lanes_) sum += lane.generator->live().connected.load(std::memory_order_relaxed);
  return sum;
}

RunSoFar Run::so_far() const {
  const Nanoseconds since = std::chrono::steady_clock::now() - start_;
  RunSoFar so_far;
  so_far.connected = connected();
  so_far.phase = since < plan_.warmup ? RunSoFar::Phase::warming_up : RunSoFar::Phase::measuring;
  so_far.elapsed = std::max(Nanoseconds(0), since < plan_.warmup ? since : since - plan_.warmup);
  for (const Lane& lane : lanes_) {
    so_far.succeeded += lane.generator->live().succeeded.load(std::memory_order_relaxed);
    so_far.failed += lane.generator->live().failed.load(std::memory_order_relaxed);
    so_far.messages_received += lane.generator->live().messages_received.load(std::memory_order_relaxed);
  }
  return so_far;
}

RunOutcome Run::run(const std::function<void(const RunSoFar&)>& show) {
  RunOutcome outcome;
  outcome.threads = static_cast<unsigned>(lanes_.size());
  outcome.io = lanes_.front().shard->io().name();
  connect();
  outcome.interrupted = !wait([&] { show({.connected = connected()}); });
  if (outcome.interrupted) return outcome;
  outcome.connected = connected();
  outcome.could_not_begin = connect_failure_;
  if (!outcome.could_not_begin.ok()) return outcome;
  begin();
  outcome.interrupted = !wait([&] { show(so_far()); });
  outcome.begun = so_far().phase == RunSoFar::Phase::measuring;
  if (auto addresses = block_on(known_addresses(plan_.server))) outcome.addresses = std::move(*addresses);
  if (outcome.interrupted) on_every_shard([](Lane& lane) { lane.generator->stop(); });
  std::vector<Measurement> parts(lanes_.size());
  on_every_shard(
      [&](Lane& lane) { parts[static_cast<std::size_t>(&lane - lanes_.data())] = lane.generator->take(); });
  for (const Measurement& part : parts) outcome.measured.merge(part);
  return outcome;
}

}  // namespace

Result<RunOutcome> run_load(const Plan& plan, const apps::Signals& signals,
                            const std::function<void(const RunSoFar&)>& show) {
  Result<std::unique_ptr<Shards>> shards = Shards::start(plan.threads, [] { return make_io(); }, plan.spin);
  if (!shards) return std::unexpected(std::move(shards).error());
  Run run(plan, signals, **shards);
  return run.run(show);
}

}  // namespace ringrpc::grpcbench
