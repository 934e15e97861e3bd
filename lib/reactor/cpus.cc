#include "reactor/cpus.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <pthread.h>
#include <sched.h>

#include "reactor/control_groups.h"

namespace ringrpc {

namespace {

namespace fs = std::filesystem;

/// The quota of one version 2 group: "150000 100000", or "max 100000" for none.
std::optional<double> quota_v2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  std::int64_t quota = 0;
  std::int64_t period = 0;
  if (!(file >> quota >> period) || quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<double>(quota) / static_cast<double>(period);
}

/// The quota of one version 1 group: two files, and -1 for none.
std::optional<double> quota_v1(const fs::path& group) {
  std::int64_t quota = 0;
  std::int64_t period = 0;
  if (!(std::ifstream(group / "cpu.cfs_quota_us") >> quota) || quota <= 0) return std::nullopt;
  if (!(std::ifstream(group / "cpu.cfs_period_us") >> period) || period <= 0) return std::nullopt;
  return static_cast<double>(quota) / static_cast<double>(period);
}

}  // namespace

std::vector<unsigned> allowed_cpus() {
  // The kernel refuses a mask that is smaller than its own.
  for (std::size_t room = 1024; room <= 65536; room *= 4) {
    std::vector<cpu_set_t> mask(room / (8 * sizeof(cpu_set_t)));
    const std::size_t bytes = mask.size() * sizeof(cpu_set_t);
    if (::sched_getaffinity(0, bytes, mask.data()) != 0) continue;
    std::vector<unsigned> cpus;
    for (unsigned cpu = 0; cpu < room; ++cpu)
      if (CPU_ISSET_S(cpu, bytes, mask.data())) cpus.push_back(cpu);
    return cpus;
  }
  return {0};
}

std::optional<double> cpu_quota(const fs::path& root) {
  return least_of_groups<double>(root, "cpu", quota_v2, quota_v1);
}

unsigned usable_cpu_count() {
  const auto allowed = static_cast<unsigned>(allowed_cpus().size());
  const std::optional<double> quota = cpu_quota();
  if (!quota || *quota >= allowed) return allowed;
  return std::max(1u, static_cast<unsigned>(std::ceil(*quota)));
}

bool have_cores(unsigned threads, std::size_t cpus, std::optional<double> quota) noexcept {
  return threads <= cpus && (!quota || threads <= *quota);
}

Status pin_this_thread(unsigned cpu) {
  std::vector<cpu_set_t> mask(cpu / (8 * sizeof(cpu_set_t)) + 1);
  const std::size_t bytes = mask.size() * sizeof(cpu_set_t);
  CPU_SET_S(cpu, bytes, mask.data());
  const int error = ::pthread_setaffinity_np(::pthread_self(), bytes, mask.data());
  return error == 0 ? Status() : from_errno("pin to core " + std::to_string(cpu), error);
}

}  // namespace ringrpc
