// The reactor on a simulated backend, so that the figures are those of the loop without the kernel.
//
// Workloads
//   ready_list/N     make N elements ready and run them
//   timers_cancel/N  arm and cancel a timer, as the deadline of a call does, among N armed timers
//   timers_rearm/N   move a timer, as an idle connection does, among N armed timers
//   timers_fire/N    arm N timers, spread over a second, and let them fire
//   mail/N           post N letters from the shard's own thread and run them in one turn
//   task             create a coroutine, run it to its end and destroy it
//   task_await/N     the same; the coroutine awaits N others, none of which suspends
//   task_suspend     suspend a coroutine and resume it from the ready list
#include <algorithm>
#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "ringrpc/task.h"

#include "reactor/ready_list.h"
#include "reactor/shard.h"
#include "reactor/timer.h"
#include "testing/simulated.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1h};

class Step final : public Ready {
 public:
  void run() override { benchmark::DoNotOptimize(this); }
};

void ready_list(benchmark::State& state) {
  ReadyList list;
  std::vector<Step> steps(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    for (Step& step : steps) list.push(step);
    while (!list.empty()) list.run();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(ready_list)->Arg(1)->Arg(1000);

class Alarm final : public Timer {
 public:
  void on_time() override { benchmark::DoNotOptimize(this); }
};

/// A wheel with one armed timer each millisecond.
struct Wheel {
  explicit Wheel(std::int64_t count) : standing(static_cast<std::size_t>(count)) {
    Instant when = start + 1s;
    for (Alarm& alarm : standing) timers.arm(alarm, when += 1ms);
  }

  TimerWheel timers{start};
  std::vector<Alarm> standing;
};

void timers_cancel(benchmark::State& state) {
  Wheel wheel(state.range(0));
  Alarm deadline;
  for (auto _ : state) {
    wheel.timers.arm(deadline, start + 5s);
    deadline.cancel();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(timers_cancel)->Arg(0)->Arg(10'000);

void timers_rearm(benchmark::State& state) {
  Wheel wheel(state.range(0));
  Alarm idle;
  Instant when = start + 60s;
  for (auto _ : state) wheel.timers.arm(idle, when += 1ms);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(timers_rearm)->Arg(0)->Arg(10'000);

void timers_fire(benchmark::State& state) {
  const std::int64_t count = state.range(0);
  TimerWheel timers(start);
  std::vector<Alarm> alarms(static_cast<std::size_t>(count));
  Instant now = start;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < count; ++i)
      timers.arm(alarms[static_cast<std::size_t>(i)], now + 1ms * (i * 1000 / count));
    timers.advance(now += 1s);
  }
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK(timers_fire)->Arg(100)->Arg(10'000);

void mail(benchmark::State& state) {
  SimulatedNetwork network(1);
  Shard shard(0, network.make_io());
  std::int64_t delivered = 0;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i) shard.post([&] { ++delivered; });
    shard.turn(false);
  }
  if (delivered != state.iterations() * state.range(0)) state.SkipWithError("mail was lost");
  state.SetItemsProcessed(delivered);
}
BENCHMARK(mail)->Arg(1)->Arg(100);

Task<int> give(int value) { co_return value; }

Task<int> sum(std::int64_t count) {
  int total = 0;
  for (std::int64_t i = 0; i < count; ++i) total += co_await give(1);
  co_return total;
}

void task(benchmark::State& state) {
  for (auto _ : state) {
    const Task<int> running = give(1);
    running.start();
    benchmark::DoNotOptimize(running.result());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(task);

void task_await(benchmark::State& state) {
  for (auto _ : state) {
    const Task<int> running = sum(state.range(0));
    running.start();
    benchmark::DoNotOptimize(running.result());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(task_await)->Arg(1)->Arg(100);

/// Resumes from the ready list.
class Turn {
 public:
  explicit Turn(ReadyList& list) noexcept : list_(list) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept {
    ready_.set(waiting);
    list_.push(ready_);
  }
  void await_resume() const noexcept {}

 private:
  ReadyList& list_;
  ReadyCoroutine ready_;
};

Task<> turn_for_ever(ReadyList& list) {
  for (;;) co_await Turn(list);
}

void task_suspend(benchmark::State& state) {
  ReadyList list;
  const Task<> running = turn_for_ever(list);
  running.start();
  for (auto _ : state) list.run(1);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(task_suspend);

}  // namespace
}  // namespace ringrpc

BENCHMARK_MAIN();
