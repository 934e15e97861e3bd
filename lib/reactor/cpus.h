/// The cores that this process may use: fewer than the machine has, in a container or under taskset.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <vector>

#include "ringrpc/status.h"

namespace ringrpc {

/// The numbers of the cores in this thread's affinity mask.
std::vector<unsigned> allowed_cpus();

/// How many cores' time the control groups (version 2 or 1) grant, the tightest of the hierarchy; nothing
/// when they set no quota. Reads `root`/proc/self/cgroup and below `root`/sys/fs/cgroup.
std::optional<double> cpu_quota(const std::filesystem::path& root = "/");

/// How many threads can run at the same time: the allowed cores, or fewer when the quota, rounded up, is
/// less. At least 1.
unsigned usable_cpu_count();

/// Whether `threads` that never sleep would each have a core to itself: of `cpus`, of which a quota may grant
/// the time of fewer.
bool have_cores(unsigned threads, std::size_t cpus, std::optional<double> quota) noexcept;

/// Keeps the calling thread on one core.
Status pin_this_thread(unsigned cpu);

}  // namespace ringrpc
