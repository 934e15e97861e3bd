// The system calls that a confined grpcd cannot make, and some that it can.
#include "grpcd/sandbox/system_calls.h"

#include <cerrno>
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <latch>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "apps/grpcd/sandbox/forked.h"
#include "base/unique_fd.h"

namespace ringrpc::grpcd {
namespace {

/// What `attempt` returns behind the filter: 0, or an error.
template <class Attempt>
int filtered(const Attempt& attempt) {
  return forked([&] { return allow_only_needed_system_calls() ? attempt() : enforced_nothing; });
}

void* map(int protection) { return ::mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

int try_map(int protection) { return error_unless(map(protection) != MAP_FAILED); }

int try_trace() { return error_unless(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0); }

TEST_CASE("no program is executed and no process created") {
  CHECK(filtered([] { return error_unless(::execl("/bin/true", "true", nullptr) == 0); }) == EPERM);
  CHECK(filtered([] { return error_unless(::fork() >= 0); }) == EPERM);
  CHECK(filtered([] { return error_unless(::vfork() >= 0); }) == EPERM);
}

TEST_CASE("nothing is traced, mounted or given privileges") {
  CHECK(filtered(try_trace) == EPERM);
  CHECK(filtered([] { return error_unless(::mount("none", "/", "tmpfs", 0, nullptr) == 0); }) == EPERM);
  CHECK(filtered([] { return error_unless(::setuid(0) == 0); }) == EPERM);
  CHECK(filtered([] { return error_unless(::prctl(PR_SET_DUMPABLE, 1) == 0); }) == EPERM);
  CHECK(filtered([] { return error_unless(::syscall(SYS_bpf, 0, nullptr, 0) == 0); }) == EPERM);
}

TEST_CASE("a process signals only itself") {
  const auto to = [](auto process, const auto& signal) {
    return filtered([&] { return error_unless(signal(process()) == 0); });
  };
  const auto kill = [](pid_t process) { return ::kill(process, 0); };
  const auto kill_thread = [](pid_t process) { return ::syscall(SYS_tgkill, process, process, 0); };
  CHECK(to(::getpid, kill) == 0);
  CHECK(to(::getppid, kill) == EPERM);
  CHECK(to(::getpid, kill_thread) == 0);
  CHECK(to(::getppid, kill_thread) == EPERM);
  // Nor by input on a descriptor of its own.
  CHECK(to(::getppid, [](pid_t process) { return ::fcntl(0, F_SETOWN, process); }) == EPERM);
  CHECK(filtered([] { return error_unless(::fcntl(0, F_SETSIG, SIGKILL) == 0); }) == EPERM);
}

TEST_CASE("a process limits, places and slows down only itself") {
  const auto limit = [](pid_t process) {
    rlimit limits{};
    return filtered([&] { return error_unless(::prlimit(process, RLIMIT_NOFILE, nullptr, &limits) == 0); });
  };
  CHECK(limit(0) == 0);
  CHECK(limit(::getpid()) == EPERM);  // the parent of the process with the filter
  const auto place = [](pid_t process) {
    cpu_set_t cores;
    REQUIRE(::sched_getaffinity(0, sizeof cores, &cores) == 0);
    return filtered([&] { return error_unless(::sched_setaffinity(process, sizeof cores, &cores) == 0); });
  };
  CHECK(place(0) == 0);
  CHECK(place(::getpid()) == EPERM);
  const auto slow_down = [](int kind, id_t process) {
    return filtered([&] { return error_unless(::setpriority(kind, process, 19) == 0); });
  };
  CHECK(slow_down(PRIO_PROCESS, 0) == 0);  // threads that are started later give way to shards
  CHECK(slow_down(PRIO_PROCESS, static_cast<id_t>(::getpid())) == EPERM);
  CHECK(slow_down(PRIO_USER, 0) == EPERM);
}

TEST_CASE("memory never becomes code") {
  CHECK(filtered([] { return try_map(PROT_READ | PROT_WRITE); }) == 0);
  CHECK(filtered([] { return try_map(PROT_READ | PROT_EXEC); }) == EPERM);
  const auto protect = [](int protection) {
    void* const memory = map(PROT_READ | PROT_WRITE);
    return filtered([&] { return error_unless(::mprotect(memory, 4096, protection) == 0); });
  };
  CHECK(protect(PROT_READ) == 0);
  CHECK(protect(PROT_READ | PROT_EXEC) == EPERM);
}

TEST_CASE("threads can start, and those that ran before are filtered too") {
  CHECK(filtered([] {
          int error = -1;
          std::thread([&] { error = try_map(PROT_READ); }).join();
          return error;
        }) == 0);
  CHECK(forked([] {
          std::latch filtered(1);
          int error = -1;
          std::thread earlier([&] {
            filtered.wait();
            error = try_trace();
          });
          const bool allowed = allow_only_needed_system_calls().has_value();
          filtered.count_down();
          earlier.join();
          return allowed ? error : enforced_nothing;
        }) == EPERM);
}

}  // namespace
}  // namespace ringrpc::grpcd
