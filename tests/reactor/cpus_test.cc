#include "reactor/cpus.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <sched.h>
#include <thread>

#include "fake_root.h"

using namespace ringrpc;
using namespace ringrpc::test;

TEST_CASE("without control groups there is no quota") {
  const FakeRoot fake;
  CHECK(!cpu_quota(fake.root()));
  fake.write("proc/self/cgroup", "not a line of the kernel's\n0::/\n");
  CHECK(!cpu_quota(fake.root()));
}

TEST_CASE("version 2: the tightest quota from the group upward counts") {
  const FakeRoot fake;
  fake.write("proc/self/cgroup", "0::/system.slice/rpc.service\n");
  fake.write("sys/fs/cgroup/system.slice/rpc.service/cpu.max", "max 100000\n");
  CHECK(!cpu_quota(fake.root()));
  fake.write("sys/fs/cgroup/system.slice/cpu.max", "250000 100000\n");
  CHECK(cpu_quota(fake.root()) == 2.5);
  fake.write("sys/fs/cgroup/system.slice/rpc.service/cpu.max", "50000 100000\n");
  CHECK(cpu_quota(fake.root()) == 0.5);
}

TEST_CASE("version 1: the cpu controller's quota counts, even if the group is not visible") {
  const FakeRoot fake;
  fake.write("proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/docker/abc\n0::/\n");
  fake.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  fake.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  CHECK(!cpu_quota(fake.root()));
  fake.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "300000\n");
  CHECK(cpu_quota(fake.root()) == 3.0);
  fake.write("sys/fs/cgroup/cpuset/x/cpu.cfs_quota_us", "1\n");
  CHECK(cpu_quota(fake.root()) == 3.0);
}

TEST_CASE("an invalid quota is ignored") {
  const FakeRoot fake;
  fake.write("proc/self/cgroup", "0::/\n");
  for (const char* text : {"", "100", "-5 100", "100 0", "x y"}) {
    fake.write("sys/fs/cgroup/cpu.max", text);
    CHECK(!cpu_quota(fake.root()));
  }
}

TEST_CASE("a pinned thread may use one core, and that many cores are usable") {
  CHECK(usable_cpu_count() >= 1);
  CHECK(usable_cpu_count() <= allowed_cpus().size());
  std::thread([] {
    const unsigned core = allowed_cpus().back();
    REQUIRE(pin_this_thread(core).ok());
    CHECK(allowed_cpus() == std::vector<unsigned>{core});
    CHECK(usable_cpu_count() == 1);
    CHECK(static_cast<unsigned>(::sched_getcpu()) == core);
  }).join();
}

TEST_CASE("a core that does not exist is refused by name") {
  std::thread([] {
    const Status status = pin_this_thread(5'000);
    CHECK(status.code() == Code::INVALID_ARGUMENT);
    CHECK(status.message() == "pin to core 5000: invalid argument");
  }).join();
}
