#include "grpcbench/processor_time.h"

#include <ctime>
#include <fstream>

namespace ringrpc::grpcbench {
namespace {

Nanoseconds now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + Nanoseconds(time.tv_nsec);
}

}  // namespace

ProcessorTime ProcessorTime::of_this_thread() {
  ProcessorTime time{.passed = now(CLOCK_MONOTONIC), .running = now(CLOCK_THREAD_CPUTIME_ID)};
  // Time on a processor, time waiting for one, time slices: Documentation/scheduler/sched-stats.rst of Linux.
  std::ifstream statistics("/proc/thread-self/schedstat");
  std::int64_t ran = 0;
  std::int64_t waited = 0;
  if (statistics >> ran >> waited) time.waiting = Nanoseconds(waited);
  return time;
}

}  // namespace ringrpc::grpcbench
