/// The time for which a scrape of 1,000 methods on 8 shards holds a shard at once: the longest visit to a
/// shard, and the longest turn of the one that writes the text, in processor time of its thread. `longest_us`
/// must stay below 200; the mean says how far a slice is cut.
#include <algorithm>
#include <benchmark/benchmark.h>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "reactor/backend.h"
#include "rpc/server/server_metrics.h"

namespace ringrpc {
namespace {

constexpr std::size_t methods = 1'000;
constexpr unsigned shards = 8;

Nanoseconds thread_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + Nanoseconds(time.tv_nsec);
}

/// The steps of a scrape on one thread.
class Steps {
 public:
  template <class Step>
  auto time(Step step) {
    const Nanoseconds begun = thread_time();
    const auto result = step();
    const Nanoseconds took = thread_time() - begun;
    longest_ = std::max(longest_, took);
    all_ += took;
    ++number_;
    return result;
  }
  void report(benchmark::State& state) const {
    using Microseconds = std::chrono::duration<double, std::micro>;
    state.counters["longest_us"] = Microseconds(longest_).count();
    state.counters["mean_us"] = Microseconds(all_).count() / static_cast<double>(number_);
    state.counters["steps"] = static_cast<double>(number_) / static_cast<double>(state.iterations());
  }

 private:
  Nanoseconds longest_{};
  Nanoseconds all_{};
  std::uint64_t number_ = 0;
};

/// Each method has calls that ended with three codes.
void fill(CallMetrics& calls) {
  for (const Code code : {Code::OK, Code::CANCELLED, Code::DEADLINE_EXCEEDED}) {
    calls.start();
    calls.end(code, std::chrono::milliseconds(3), {.sent_bytes = 100, .received_bytes = 5'000});
  }
}

std::vector<std::string> labels_of_methods() {
  std::vector<std::string> labels;
  for (std::size_t number = 0; number <= methods; ++number)
    labels.push_back(
        method_labels("unary", "benchmark.v1.ServiceOfManyMethods", "Method" + std::to_string(number)));
  return labels;
}

/// The metrics of eight shards, and their sum.
struct Scrape {
  Scrape() {
    for (unsigned index = 0; index < shards; ++index) {
      each.push_back(std::make_unique<ServerMetrics>(methods));
      RegisteredMethod method{};
      for (method.index = 0; method.index < methods; ++method.index) fill(each.back()->of(method));
    }
  }

  ServerTotals empty_totals() const {
    ServerTotals totals;
    for (const std::string& label : labels) totals.methods.push_back({.labels = label, .calls = {}});
    return totals;
  }
  bool visit(ServerTotals& totals, unsigned index) {
    Slices slice(shard);
    if (!totals.add_some(*each[index], 0, slice)) return false;
    totals.add(shard, each[index]->turns);
    return true;
  }

  Shard shard{0, make_io(IoBackend::automatic).value()};
  const std::vector<std::string> labels = labels_of_methods();
  std::vector<std::unique_ptr<ServerMetrics>> each;
};

void visits(benchmark::State& state) {
  Scrape scrape;
  Steps steps;
  for (auto _ : state) {
    ServerTotals totals = scrape.empty_totals();
    for (unsigned index = 0; index < shards; ++index)
      while (!steps.time([&] { return scrape.visit(totals, index); })) {
      }
  }
  steps.report(state);
}
BENCHMARK(visits)->Unit(benchmark::kMillisecond);

void text(benchmark::State& state) {
  Scrape scrape;
  ServerTotals totals = scrape.empty_totals();
  for (unsigned index = 0; index < shards; ++index)
    while (!scrape.visit(totals, index)) {
    }
  Steps steps;
  std::size_t bytes = 0;
  for (auto _ : state) {
    MetricsText page(MetricsFormat::prometheus);
    Slices slices(scrape.shard);
    const Task<> written = write_server(page, totals, slices);
    steps.time([&] {
      written.start();
      return 0;
    });
    while (!written.done())
      steps.time([&] {
        scrape.shard.turn(false);
        return 0;
      });
    bytes = std::move(page).finish().size();
  }
  steps.report(state);
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(text)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ringrpc

BENCHMARK_MAIN();
