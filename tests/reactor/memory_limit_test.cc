#include "reactor/memory_limit.h"

#include <doctest/doctest.h>

#include "fake_root.h"

using namespace ringrpc;
using namespace ringrpc::test;

TEST_CASE("version 2: the least limit of memory from the group upward counts") {
  const FakeRoot fake;
  fake.write("proc/self/cgroup", "0::/pods/one\n");
  CHECK(!group_memory_limit(fake.root()));
  fake.write("sys/fs/cgroup/pods/one/memory.max", "max\n");
  CHECK(!group_memory_limit(fake.root()));
  fake.write("sys/fs/cgroup/pods/memory.max", "1073741824\n");
  CHECK(group_memory_limit(fake.root()) == std::uint64_t{1} << 30);
  fake.write("sys/fs/cgroup/pods/one/memory.max", "268435456\n");
  CHECK(group_memory_limit(fake.root()) == 256 << 20);
}

TEST_CASE("version 1: the memory controller's limit counts, and a huge one is none") {
  const FakeRoot fake;
  fake.write("proc/self/cgroup", "5:cpuset:/x\n4:memory:/docker/abc\n0::/\n");
  fake.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(!group_memory_limit(fake.root()));
  fake.write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "268435456\n");
  CHECK(group_memory_limit(fake.root()) == 256 << 20);
}

TEST_CASE("a process may use some memory, whatever its control groups") {
  CHECK(usable_memory_bytes() > 1 << 20);
  CHECK(usable_memory_bytes() <= group_memory_limit().value_or(UINT64_MAX));
}
