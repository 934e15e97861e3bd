#include "observe/process_metrics.h"

#include <array>
#include <charconv>
#include <chrono>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace ringrpc {
namespace {

/// The beginning of a small file of /proc; empty if it cannot be read.
std::string read_proc(const char* path) {
  const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> text;
  const ssize_t bytes = file ? read(file.get(), text.data(), text.size()) : -1;
  return bytes > 0 ? std::string(text.data(), static_cast<std::size_t>(bytes)) : std::string();
}

/// The number at `field`, counted from 1 as in proc(5), of /proc/self/stat.
std::optional<std::uint64_t> stat_field(std::string_view stat, unsigned field) {
  // The second field is the program's name, which may have spaces and parentheses.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == stat.npos) return std::nullopt;
  stat.remove_prefix(name_end + 1);
  for (unsigned at = 3; at < field; ++at) {
    const std::size_t space = stat.find(' ', 1);
    if (space == stat.npos) return std::nullopt;
    stat.remove_prefix(space);
  }
  stat.remove_prefix(1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(stat.data(), stat.data() + stat.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

std::optional<Nanoseconds> read_clock(clockid_t clock) {
  timespec time;
  if (clock_gettime(clock, &time) != 0) return std::nullopt;
  return std::chrono::seconds(time.tv_sec) + Nanoseconds(time.tv_nsec);
}

/// The kernel counts the start in ticks since boot.
std::optional<Nanoseconds> start_of_process(std::string_view stat) {
  const std::optional<std::uint64_t> ticks = stat_field(stat, 22);
  const std::optional<Nanoseconds> since_boot = read_clock(CLOCK_BOOTTIME);
  const std::optional<Nanoseconds> since_1970 = read_clock(CLOCK_REALTIME);
  const long ticks_per_second = sysconf(_SC_CLK_TCK);
  if (!ticks || !since_boot || !since_1970 || ticks_per_second <= 0) return std::nullopt;
  constexpr Nanoseconds second = std::chrono::seconds(1);
  return *since_1970 - *since_boot + second / ticks_per_second * static_cast<std::int64_t>(*ticks);
}

std::optional<std::uint64_t> count_open_fds() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), &closedir);
  if (!folder) return std::nullopt;
  std::uint64_t count = 0;
  while (const dirent* entry = readdir(folder.get())) count += entry->d_name[0] != '.';
  return count - 1;  // without the folder's own
}

std::optional<std::uint64_t> fd_limit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return limit.rlim_cur;
}

template <class Value>
void write_present(MetricsText& text, const MetricFamily& family, const std::optional<Value>& value) {
  if (!value) return;
  text.begin(family);
  text.sample({}, *value);
}

}  // namespace

ProcessMetrics read_process_metrics() {
  const std::string stat = read_proc("/proc/self/stat");
  ProcessMetrics process{.cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID),
                         .start_time = start_of_process(stat),
                         .virtual_memory_bytes = stat_field(stat, 23),
                         .open_fds = count_open_fds(),
                         .max_fds = fd_limit()};
  const long page_bytes = sysconf(_SC_PAGESIZE);
  if (const auto pages = stat_field(stat, 24); pages && page_bytes > 0)
    process.resident_memory_bytes = *pages * static_cast<std::uint64_t>(page_bytes);
  return process;
}

void write_process(MetricsText& text, const ProcessMetrics& process) {
  write_present(text,
                {.name = "process_cpu_seconds",
                 .help = "Processor time of this process, user and system.",
                 .type = MetricType::counter,
                 .unit = "seconds"},
                process.cpu);
  write_present(text,
                {.name = "process_start_time_seconds",
                 .help = "Start of this process, since 1970.",
                 .type = MetricType::gauge,
                 .unit = "seconds"},
                process.start_time);
  write_present(text,
                {.name = "process_resident_memory_bytes",
                 .help = "Memory of this process that is in RAM.",
                 .type = MetricType::gauge,
                 .unit = "bytes"},
                process.resident_memory_bytes);
  write_present(text,
                {.name = "process_virtual_memory_bytes",
                 .help = "Address space of this process.",
                 .type = MetricType::gauge,
                 .unit = "bytes"},
                process.virtual_memory_bytes);
  write_present(text,
                {.name = "process_open_fds", .help = "Open file descriptors.", .type = MetricType::gauge},
                process.open_fds);
  write_present(
      text, {.name = "process_max_fds", .help = "Limit of open file descriptors.", .type = MetricType::gauge},
      process.max_fds);
}

void write_build(MetricsText& text, std::string_view version) {
  text.begin({.name = "ringrpc_build", .help = "The version of ringrpc.", .type = MetricType::info});
  text.sample(label("version", version), std::uint64_t{1});
}

}  // namespace ringrpc
