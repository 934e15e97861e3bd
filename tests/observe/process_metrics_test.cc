#include "observe/process_metrics.h"

#include <chrono>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <string>
#include <utility>

#include "base/unique_fd.h"

using namespace ringrpc;
using namespace std::chrono_literals;

TEST_CASE("the process's metrics are plausible") {
  const ProcessMetrics process = read_process_metrics();
  const Nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
  REQUIRE(process.start_time);
  CHECK(*process.start_time > now - 24h);
  CHECK(*process.start_time <= now);
  REQUIRE(process.cpu);
  CHECK(*process.cpu > 0ns);
  REQUIRE(process.resident_memory_bytes);
  CHECK(*process.resident_memory_bytes > 100'000);
  REQUIRE(process.virtual_memory_bytes);
  CHECK(*process.virtual_memory_bytes >= *process.resident_memory_bytes);
  REQUIRE(process.open_fds);
  CHECK(*process.open_fds >= 1);
  REQUIRE(process.max_fds);
  CHECK(*process.max_fds >= *process.open_fds);
}

TEST_CASE("an opened descriptor is counted") {
  const auto before = read_process_metrics().open_fds;
  const UniqueFd opened(open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK(read_process_metrics().open_fds == *before + 1);
}

TEST_CASE("numbers that cannot be read are left out") {
  MetricsText text(MetricsFormat::prometheus);
  write_process(text, {.open_fds = 3});
  CHECK(std::move(text).finish() ==
        "# HELP process_open_fds Open file descriptors.\n"
        "# TYPE process_open_fds gauge\n"
        "process_open_fds 3\n");
}

TEST_CASE("the build is an info metric") {
  MetricsText text(MetricsFormat::openmetrics);
  write_build(text, "1.2.3");
  CHECK(std::move(text).finish() ==
        "# HELP ringrpc_build The version of ringrpc.\n"
        "# TYPE ringrpc_build info\n"
        "ringrpc_build_info{version=\"1.2.3\"} 1\n"
        "# EOF\n");
}
