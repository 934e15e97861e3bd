/// Counts of all worker pools of one name in the process, for metrics.
///
///   WorkerPoolCounts& counts = WorkerPoolCounts::of("signing");
///   ++counts.queued;
///   WorkerPoolCounts::for_each([&](const std::string& name, const WorkerPoolCounts& counts) { ... });
///
/// A pool changes them some times for each job, which takes far longer. So they are atomic integers,
/// which any thread may read. They stay until the process ends, so that counters never decrease, and the
/// number of names is limited.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "base/testing_export.h"

namespace ringrpc {

struct WorkerPoolCounts {
  static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();
  /// Pools of further names count as "other".
  static constexpr std::size_t names_max = 100;

  /// Valid for ever.
  RINGRPC_TESTING_EXPORT static WorkerPoolCounts& of(const std::string& name);
  /// In the order of their names. Other threads wait for it before they start or end a pool of a new name.
  RINGRPC_TESTING_EXPORT static void for_each(
      const std::function<void(const std::string&, const WorkerPoolCounts&)>& visit);

  // A queue without a limit has none to add.
  void add_limit(std::size_t limit) noexcept { queue_limit += limit == no_limit ? 0 : limit; }
  void remove_limit(std::size_t limit) noexcept { queue_limit -= limit == no_limit ? 0 : limit; }

  std::atomic<std::uint64_t> threads = 0;
  std::atomic<std::uint64_t> busy = 0;         ///< threads that run a job
  std::atomic<std::uint64_t> queued = 0;       ///< jobs that wait for a thread
  std::atomic<std::uint64_t> queue_limit = 0;  ///< of the queues that have one
  std::atomic<std::uint64_t> done = 0;         ///< jobs that have ended
  std::atomic<std::uint64_t> rejected = 0;     ///< jobs that found the queue full
};

}  // namespace ringrpc
