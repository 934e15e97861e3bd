#include "ringrpc/testing/in_process.h"

#include <optional>
#include <stdexcept>
#include <utility>

#include "reactor/shard.h"
#include "rpc/server/server_parts.h"
#include "testing/simulation.h"
#include "transport/address.h"

namespace ringrpc::testing {

namespace {

constexpr unsigned server_index = 0;
constexpr unsigned client_index = 1;

/// A task that still waits after this time waits for something that never happens. Repeating timers, such as
/// keepalive's, do not count as events.
constexpr std::chrono::years task_timeout{1};

void check(const Status& status) {
  if (!status.ok()) throw std::invalid_argument(status.to_string());
}

/// A thread has one world at a time, because each simulation takes the thread's shards for its own.
class WorldOfThread {
 public:
  WorldOfThread() {
    if (std::exchange(taken, true))
      throw std::logic_error("this thread has an InProcess already: destroy it before you make another");
  }
  WorldOfThread(const WorldOfThread&) = delete;
  WorldOfThread& operator=(const WorldOfThread&) = delete;
  ~WorldOfThread() { taken = false; }

 private:
  static thread_local bool taken;
};

thread_local bool WorldOfThread::taken = false;

class TaskEnd final : public TaskObserver {
 public:
  void on_task_done() override { done_ = true; }
  bool done() const noexcept { return done_; }

 private:
  bool done_ = false;
};

}  // namespace

class InProcess::World final {
 public:
  World(std::span<Service* const> services, const InProcessOptions& options);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  Channel& channel() noexcept { return *channel_; }
  const std::string& address() const noexcept { return address_; }
  Simulation& simulation() noexcept { return simulation_; }

  Status run(std::unique_ptr<detail::BackgroundTask>& task);
  std::uint64_t drain(std::chrono::milliseconds timeout);

 private:
  void listen(const ServerOptions& options);

  /// Runs `work` in a turn of the shard.
  template <class Work>
  void do_on(unsigned shard, Work work) {
    bool over = false;
    simulation_.shard(shard).post([&] {
      work();
      over = true;
    });
    simulation_.run_until([&] { return over; });
  }

  WorldOfThread only_;
  Simulation simulation_;
  Shard* const serving_[1] = {&simulation_.shard(server_index)};
  ServerParts parts_;
  std::string address_;
  std::optional<Channel> channel_;
};

InProcess::World::World(std::span<Service* const> services, const InProcessOptions& options)
    : simulation_(options.seed, {.shards = 2, .faults = {}}) {
  check(parts_.add(services, options.server));
  parts_.begin(serving_, options.server);
  listen(options.server);
  channel_.emplace(address_, options.channel);
}

InProcess::World::~World() {
  do_on(client_index, [&] { channel_.reset(); });
  do_on(server_index, [&] {
    parts_.drop_listener();
    parts_.drop(*serving_[0]);
  });
}

void InProcess::World::listen(const ServerOptions& options) {
  const Address address = Address::parse("127.0.0.1:1")->with_tls(options.tls != nullptr);
  Result<std::string> bound;
  do_on(server_index, [&] { bound = parts_.listener()->listen(address); });
  check(bound ? Status() : bound.error());
  address_ = *std::move(bound);
}

Status InProcess::World::run(std::unique_ptr<detail::BackgroundTask>& task) {
  TaskEnd end;
  simulation_.shard(client_index).post([&] { task->start(end); });
  const bool ended = simulation_.run_until([&] { return end.done(); }, task_timeout);
  do_on(client_index, [&] {
    if (ended)
      task->finish();
    else
      task.reset();
  });
  if (ended) return {};
  return Status(Code::INTERNAL, "the task has not ended: it waits for something that never happens",
                Initiator::application);
}

std::uint64_t InProcess::World::drain(std::chrono::milliseconds limit) {
  bool drained = false;
  do_on(server_index, [&] {
    parts_.listener()->close();
    parts_.on(*serving_[0])->drain([&] { drained = true; });
  });
  if (simulation_.run_until([&] { return drained; }, limit)) return 0;
  std::uint64_t ended = 0;
  do_on(server_index, [&] { ended = parts_.on(*serving_[0])->end_all(); });
  return ended;
}

InProcess::InProcess(std::span<Service* const> services, const InProcessOptions& options)
    : world_(std::make_unique<World>(services, options)) {}

InProcess::~InProcess() = default;

Channel& InProcess::channel() noexcept { return world_->channel(); }

const std::string& InProcess::address() const noexcept { return world_->address(); }

Status InProcess::run_task(std::unique_ptr<detail::BackgroundTask>& task) { return world_->run(task); }

void InProcess::advance(Nanoseconds time) { world_->simulation().run_for(time); }

Instant InProcess::now() const noexcept { return world_->simulation().now(); }

std::uint64_t InProcess::drain(std::chrono::milliseconds timeout) { return world_->drain(timeout); }

}  // namespace ringrpc::testing
