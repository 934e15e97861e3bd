/// The cores that this process may use. In a container or under taskset they are fewer than the machine's.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <vector>

#include "ringrpc/status.h"

namespace ringrpc {

/// The numbers of the cores in this thread's affinity mask.
std::vector<unsigned> allowed_cpus();

/// The CPU quota of the control groups (version 2 or 1), in cores: the tightest of the hierarchy. Nothing
/// when they set none. Reads `root`/proc/self/cgroup and files below `root`/sys/fs/cgroup.
std::optional<double> cpu_quota(const std::filesystem::path& root = "/");

/// The number of threads that can run at the same time: the number of allowed cores, or the quota, rounded
/// up, if that is less. At least 1.
unsigned usable_cpu_count();

/// True if each of `threads` that never sleep would have a core to itself, given `cpus` cores and a quota
/// that may grant less time than those.
bool have_cores(unsigned threads, std::size_t cpus, std::optional<double> quota) noexcept;

/// Pins the calling thread to one core.
Status pin_this_thread(unsigned cpu);

}  // namespace ringrpc
