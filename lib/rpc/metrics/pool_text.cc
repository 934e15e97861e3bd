#include "rpc/metrics/pool_text.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "reactor/worker_pool_counts.h"

namespace ringrpc {
namespace {

struct LabelledPool {
  std::string label;
  const WorkerPoolCounts* counts;
};

void write_pool_family(MetricsText& text, const std::vector<LabelledPool>& pools, const MetricFamily& family,
                       const std::atomic<std::uint64_t> WorkerPoolCounts::* value) {
  text.begin(family);
  for (const LabelledPool& pool : pools)
    text.sample(pool.label, (pool.counts->*value).load(std::memory_order_relaxed));
}

}  // namespace

void write_worker_pools(MetricsText& text) {
  std::vector<LabelledPool> pools;
  WorkerPoolCounts::for_each([&](const std::string& name, const WorkerPoolCounts& counts) {
    pools.push_back({.label = label("pool", name), .counts = &counts});
  });
  if (pools.empty()) return;
  write_pool_family(
      text, pools,
      {.name = "ringrpc_worker_pool_threads", .help = "Threads of worker pools.", .type = MetricType::gauge},
      &WorkerPoolCounts::threads);
  write_pool_family(text, pools,
                    {.name = "ringrpc_worker_pool_busy_threads",
                     .help = "Threads of worker pools that run a job.",
                     .type = MetricType::gauge},
                    &WorkerPoolCounts::busy);
  write_pool_family(text, pools,
                    {.name = "ringrpc_worker_pool_queued_jobs",
                     .help = "Jobs that wait for a thread of a worker pool.",
                     .type = MetricType::gauge},
                    &WorkerPoolCounts::queued);
  write_pool_family(text, pools,
                    {.name = "ringrpc_worker_pool_queue_limit",
                     .help = "Jobs that may wait for a thread of a worker pool; 0 means any number.",
                     .type = MetricType::gauge},
                    &WorkerPoolCounts::queue_limit);
  write_pool_family(text, pools,
                    {.name = "ringrpc_worker_pool_jobs",
                     .help = "Jobs that worker pools have run.",
                     .type = MetricType::counter},
                    &WorkerPoolCounts::done);
  write_pool_family(text, pools,
                    {.name = "ringrpc_worker_pool_rejected_jobs",
                     .help = "Jobs that were refused because the queue of their worker pool was full.",
                     .type = MetricType::counter},
                    &WorkerPoolCounts::rejected);
}

}  // namespace ringrpc
