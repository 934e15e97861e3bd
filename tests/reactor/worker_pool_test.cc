#include "ringrpc/worker_pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <latch>
#include <stdexcept>
#include <sys/resource.h>
#include <thread>

#include "ringrpc/sleep.h"

#include "io_fixture.h"
#include "reactor/worker_pool_counts.h"
#include "testing/simulation.h"

using namespace ringrpc;
using namespace ringrpc::test;
using namespace std::chrono_literals;

namespace {

/// A job that keeps its worker busy until it is released.
struct Gate {
  std::latch begun{1};
  std::latch open{1};
  void pass() {
    begun.count_down();
    open.wait();
  }
};

/// Starts `task` on the shard, as a turn would.
template <class T>
void start_on(Shard& shard, const Task<T>& task) {
  shard.post([&] { task.start(); });
  shard.turn(false);
}

std::unique_ptr<WorkerPool> pool_of(unsigned threads, std::size_t queue_limit) {
  return WorkerPool::start({.threads = threads, .queue_limit = queue_limit}).value();
}

/// Passes the gate on one of the pool's threads.
Task<void> pass(WorkerPool& pool, Gate& gate) {
  const auto through = [&gate] { gate.pass(); };
  (void)co_await pool.run(through);
}

/// A backend whose `wake` returns late, after it has woken the shard.
class SlowToWake final : public Io {
 public:
  explicit SlowToWake(std::function<void()> lingers) : lingers_(std::move(lingers)) {}
  std::string_view name() const noexcept override { return io_->name(); }
  Instant now() const noexcept override { return io_->now(); }
  Result<std::unique_ptr<Acceptor>> listen(const SocketAddress& address, int backlog,
                                           Acceptor::Handler& handler) override {
    return io_->listen(address, backlog, handler);
  }
  Result<std::unique_ptr<Acceptor>> listen(UniqueFd socket, Acceptor::Handler& handler) override {
    return io_->listen(std::move(socket), handler);
  }
  std::unique_ptr<Connector> connect(const SocketAddress& address, Connector::Handler& handler) override {
    return io_->connect(address, handler);
  }
  SocketAddress peer(const UniqueFd& connection) const override { return io_->peer(connection); }
  std::unique_ptr<ByteStream> adopt(UniqueFd connection) override {
    return io_->adopt(std::move(connection));
  }
  bool wait(Instant until) override {
    if (until != Instant::min()) {
      asleep.test_and_set();
      asleep.notify_all();
    }
    return io_->wait(until);
  }
  bool dispatch(Instant until) override { return io_->dispatch(until); }
  void wake() noexcept override {
    io_->wake();
    lingers_();
  }

  std::atomic_flag asleep;  ///< the shard has slept

 private:
  std::unique_ptr<Io> io_ = kernel_io();
  std::function<void()> lingers_;
};

}  // namespace

TEST_CASE("a job runs on another thread and its value comes back to the shard") {
  Shard shard(0, kernel_io());
  const auto pool = pool_of(2, 8);
  std::thread::id worker;
  Shard* back_on = nullptr;
  const auto handler = [&]() -> Task<int> {
    const Result<int> result = co_await pool->run([&] {
      worker = std::this_thread::get_id();
      return 42;
    });
    back_on = Shard::current();
    co_return result.value();
  };
  const Task<int> task = handler();
  start_on(shard, task);
  REQUIRE(turn_until(shard, [&] { return task.done(); }));
  CHECK(task.result() == 42);
  CHECK(worker != std::this_thread::get_id());
  CHECK(back_on == &shard);
}

TEST_CASE("functions of nothing, of Status and of Result give what the caller expects") {
  Shard shard(0, kernel_io());
  const auto pool = pool_of(1, 8);
  const auto handler = [&]() -> Task<std::string> {
    std::string said;
    said += (co_await pool->run([] {})).to_string() + ", ";
    said += (co_await pool->run([] { return Status(Code::ABORTED, "a"); })).to_string() + ", ";
    said +=
        (co_await pool->run([]() -> Result<int> { return fail(Code::NOT_FOUND, "b"); })).error().to_string() +
        ", ";
    const Result<std::unique_ptr<int>> moved = co_await pool->run([] { return std::make_unique<int>(7); });
    co_return said + std::to_string(**moved);
  };
  const Task<std::string> task = handler();
  start_on(shard, task);
  REQUIRE(turn_until(shard, [&] { return task.done(); }));
  CHECK(task.result() == "OK, ABORTED: a, NOT_FOUND: b, 7");
}

TEST_CASE("a job that was waited for is destroyed on its shard, before its waiter resumes") {
  Shard shard(0, kernel_io());
  const auto pool = pool_of(2, 8);
  unsigned elsewhere = 0;
  unsigned late = 0;
  const auto handler = [&]() -> Task<> {
    for (int round = 0; round < 1000; ++round) {
      bool gone = false;
      std::shared_ptr<int> held(new int, [&, here = std::this_thread::get_id()](int* value) {
        delete value;
        gone = true;
        if (std::this_thread::get_id() != here) ++elsewhere;
      });
      auto job = [held = std::move(held)] {};
      (void)co_await pool->run(std::move(job));
      if (!gone) ++late;
    }
  };
  const Task<> task = handler();
  start_on(shard, task);
  REQUIRE(turn_until(shard, [&] { return task.done(); }));
  CHECK(elsewhere == 0);
  CHECK(late == 0);
}

TEST_CASE("a job that throws fails and affects no other job") {
  Shard shard(0, kernel_io());
  const auto pool = pool_of(1, 8);
  const auto handler = [&]() -> Task<std::string> {
    const Result<int> first = co_await pool->run([]() -> int { throw std::runtime_error("no entropy"); });
    const Result<int> second = co_await pool->run([]() -> int { throw 5; });
    const Result<int> third = co_await pool->run([]() -> int { throw std::bad_alloc(); });
    const Result<int> fourth = co_await pool->run([] { return 4; });
    co_return first.error().to_string() + "; " + second.error().to_string() + "; " +
        third.error().to_string() + "; " + std::to_string(*fourth);
  };
  const Task<std::string> task = handler();
  start_on(shard, task);
  REQUIRE(turn_until(shard, [&] { return task.done(); }));
  CHECK(task.result() ==
        "INTERNAL: the job threw: no entropy; INTERNAL: the job threw; RESOURCE_EXHAUSTED: out of memory; 4");
}

TEST_CASE("threads have the niceness that is set, and at least that of the process") {
  Shard shard(0, kernel_io());
  const int own = ::getpriority(PRIO_PROCESS, 0);
  for (const auto& [asked, wanted] : {std::pair(0, own), std::pair(7, std::max(own, 7)), std::pair(50, 19)}) {
    const auto pool = WorkerPool::start({.threads = 1, .nice = asked}).value();
    const auto handler = [&]() -> Task<int> {
      co_return (co_await pool->run([] { return ::getpriority(PRIO_PROCESS, 0); })).value();
    };
    const Task<int> task = handler();
    start_on(shard, task);
    REQUIRE(turn_until(shard, [&] { return task.done(); }));
    CHECK(task.result() == wanted);
  }
  CHECK(::getpriority(PRIO_PROCESS, 0) == own);
}

TEST_CASE("a full pool refuses at once, names its limit, and serves again when there is room") {
  Shard shard(0, kernel_io());
  Gate gate;
  const auto pool = pool_of(1, 2);
  const auto run = [&](auto function) -> Task<Result<int>> {
    co_return co_await pool->run(std::move(function));
  };
  const auto blocked = run([&] {
    gate.pass();
    return 0;
  });
  start_on(shard, blocked);
  gate.begun.wait();
  const auto first = run([] { return 1; });
  const auto second = run([] { return 2; });
  const auto third = run([] { return 3; });
  start_on(shard, first);
  start_on(shard, second);
  CHECK(pool->waiting() == 2);
  start_on(shard, third);
  REQUIRE(third.done());
  const Result<int> refused = third.result();
  REQUIRE(!refused);
  CHECK(refused.error().code() == Code::RESOURCE_EXHAUSTED);
  CHECK(refused.error().message() == "the worker pool is full: 2 jobs are waiting (worker queue limit)");
  gate.open.count_down();
  REQUIRE(turn_until(shard, [&] { return first.done() && second.done(); }));
  CHECK(first.result() == 1);
  CHECK(second.result() == 2);
}

TEST_CASE("pools of one name count together, and what they have done stays") {
  const WorkerPoolCounts& counts = WorkerPoolCounts::of("counted");
  Shard shard(0, kernel_io());
  Gate gate;
  {
    const auto pool = WorkerPool::start({.threads = 1, .queue_limit = 1, .name = "counted"}).value();
    const auto other = WorkerPool::start({.threads = 2, .queue_limit = 5, .name = "counted"}).value();
    CHECK(counts.threads == 3);
    CHECK(counts.queue_limit == 6);
    const auto run = [&](auto function) -> Task<Result<int>> {
      co_return co_await pool->run(std::move(function));
    };
    const auto blocked = run([&] {
      gate.pass();
      return 0;
    });
    start_on(shard, blocked);
    gate.begun.wait();
    CHECK(counts.busy == 1);
    {
      const auto abandoned = run([] { return 0; });
      start_on(shard, abandoned);
      CHECK(counts.queued == 1);
    }
    CHECK(counts.queued == 0);
    const auto queued = run([] { return 1; });
    const auto refused = run([] { return 2; });
    start_on(shard, queued);
    start_on(shard, refused);
    CHECK(counts.queued == 1);
    CHECK(counts.rejected == 1);
    gate.open.count_down();
    REQUIRE(turn_until(shard, [&] { return blocked.done() && queued.done(); }));
    CHECK(counts.queued == 0);
    CHECK(counts.busy == 0);
    CHECK(counts.done == 2);
  }
  CHECK(counts.threads == 0);
  CHECK(counts.queue_limit == 0);
  CHECK(counts.done == 2);
}

TEST_CASE("the names of pools are limited") {
  for (std::size_t number = 0; number < WorkerPoolCounts::names_max; ++number)
    (void)WorkerPoolCounts::of("pool " + std::to_string(number));
  CHECK(&WorkerPoolCounts::of("one more") == &WorkerPoolCounts::of("other"));
}

TEST_CASE("an abandoned job is not run unless it has begun, and frees its place") {
  Shard shard(0, kernel_io());
  Gate gate;
  const auto pool = pool_of(1, 1);
  std::atomic<int> runs = 0;
  const auto run = [&](auto function) -> Task<Result<int>> {
    co_return co_await pool->run(std::move(function));
  };
  auto running = run([&] {
    gate.pass();
    return ++runs;
  });
  start_on(shard, running);
  gate.begun.wait();
  auto waiting = run([&] { return ++runs; });
  start_on(shard, waiting);
  CHECK(pool->waiting() == 1);
  {
    const Task<Result<int>> dropped = std::move(waiting);
  }
  CHECK(pool->waiting() == 0);
  {
    const Task<Result<int>> dropped = std::move(running);
  }  // its job continues, and no one is notified
  const auto last = run([&] { return ++runs; });
  start_on(shard, last);
  gate.open.count_down();
  REQUIRE(turn_until(shard, [&] { return last.done(); }));
  CHECK(runs == 2);
}

TEST_CASE("closing the pool cancels what was not begun") {
  Shard shard(0, kernel_io());
  Gate gate;
  auto pool = pool_of(1, 4);
  const auto run = [&](auto function) -> Task<Result<int>> {
    co_return co_await pool->run(std::move(function));
  };
  const auto running = run([&] {
    gate.pass();
    return 1;
  });
  const auto waiting = run([] { return 2; });
  start_on(shard, running);
  gate.begun.wait();
  start_on(shard, waiting);
  std::jthread opener([&] { gate.open.count_down(); });
  pool.reset();
  REQUIRE(turn_until(shard, [&] { return running.done() && waiting.done(); }));
  CHECK(running.result() == 1);
  // The worker may have taken it between the opening and the closing.
  const Result<int> outcome = waiting.result();
  CHECK((outcome == 2 || outcome.error().code() == Code::CANCELLED));
}

TEST_CASE("many jobs from several shards, abandoned at random, all end") {
  const UringOptions small{.submissions = 8, .completions = 16, .receive_buffers = 1};
  Shard left(0, kernel_io(small));
  Shard right(1, kernel_io(small));
  const auto pool = pool_of(2, 64);
  const auto use = [&](Shard& shard) {
    std::vector<Task<Result<unsigned>>> tasks;
    const auto run = [&](unsigned value) -> Task<Result<unsigned>> {
      co_return co_await pool->run([value] { return value; });
    };
    for (unsigned i = 0; i < 2'000; ++i) {
      tasks.push_back(run(i));
      start_on(shard, tasks.back());
      if ((i * 7 + shard.index()) % 5 == 0) tasks.erase(tasks.begin() + (i % tasks.size()));
      std::erase_if(tasks, [](const Task<Result<unsigned>>& task) { return task.done(); });
    }
    return turn_until(shard, [&] {
      std::erase_if(tasks, [](const Task<Result<unsigned>>& task) { return task.done(); });
      return tasks.empty();
    });
  };
  bool other_ended = false;
  std::thread other([&] { other_ended = use(right); });
  CHECK(use(left));
  other.join();
  CHECK(other_ended);
}

TEST_CASE("a sleep lasts as long as requested, or not at all, and ends with its task") {
  Simulation simulation(1);
  Shard& shard = simulation.shard(0);
  std::string order;
  const auto sleeper = [&](char name, Nanoseconds wait) -> Task<> {
    co_await sleep_for(wait);
    order += name;
  };
  const Task<> late = sleeper('c', 30ms);
  const Task<> early = sleeper('b', 10ms);
  const Task<> none = sleeper('a', 0ms);
  Task<> dropped = sleeper('x', 5ms);
  const Instant begun = simulation.now();
  bool started = false;
  shard.post([&] {
    for (const Task<>* task : std::array<const Task<>*, 4>{&late, &early, &dropped, &none}) task->start();
    started = true;
  });
  REQUIRE(simulation.run_until([&] { return started; }));
  CHECK(none.done());
  {
    const Task<> gone = std::move(dropped);
  }
  REQUIRE(simulation.run_until([&] { return late.done(); }));
  CHECK(order == "abc");
  CHECK(simulation.now() - begun >= 30ms);
  CHECK(shard.timers().next() == never);
}

TEST_CASE("a pool may outlive the shard that awaits a job which is running") {
  Gate gate;
  const auto pool = pool_of(1, 8);
  {
    Shard shard(0, kernel_io());
    const Task<void> task = pass(*pool, gate);
    start_on(shard, task);
    gate.begun.wait();
  }
  gate.open.count_down();  // the job ends and has no shard to return to
}

TEST_CASE("a finished job releases its shard before its waiter ends") {
  Gate gate;
  std::atomic<bool> ended = false;
  std::atomic<bool> ended_too_early = false;
  // The mail has arrived, and its worker has not returned from posting it.
  auto owned = std::make_unique<SlowToWake>([&] {
    std::this_thread::sleep_for(50ms);
    ended_too_early = ended.load();
  });
  const std::atomic_flag& asleep = owned->asleep;
  Shard shard(0, std::move(owned));
  auto pool = pool_of(1, 8);
  const Task<void> task = pass(*pool, gate);
  start_on(shard, task);
  gate.begun.wait();
  {
    const std::jthread opener([&] {
      asleep.wait(false);
      gate.open.count_down();
    });
    while (!task.done()) shard.turn();
  }
  ended = true;
  pool.reset();
  CHECK_FALSE(ended_too_early);
}
