#include "grpcbench/processor_time.h"

#include <ctime>
#include <fstream>

namespace ringrpc::grpcbench {

ProcessorTime ProcessorTime::of_this_thread() {
  timespec running{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &running);
  ProcessorTime time;
  time.running = std::chrono::seconds(running.tv_sec) + Nanoseconds(running.tv_nsec);
  // Time on a processor, time waiting for one, turns: Documentation/scheduler/sched-stats.rst of Linux.
  std::ifstream statistics("/proc/thread-self/schedstat");
  std::int64_t ran = 0;
  std::int64_t waited = 0;
  if (statistics >> ran >> waited) time.waiting = Nanoseconds(waited);
  return time;
}

}  // namespace ringrpc::grpcbench
