// The system calls that a confined grpcd cannot make, and some that it can.
#include "grpcd/sandbox/system_calls.h"

#include <cerrno>
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <latch>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
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

int error_unless(bool succeeded) { return succeeded ? 0 : errno; }

int try_socket(int domain) {
  const UniqueFd socket(::socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return error_unless(static_cast<bool>(socket));
}

int try_map(int protection) {
  return error_unless(::mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

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
  CHECK(forked([] {
          if (!allow_only_needed_system_calls()) return enforced_nothing;
          if (::kill(::getpid(), 0) != 0) return 1;
          return ::kill(::getppid(), 0) == 0 ? 2 : errno;
        }) == EPERM);
}

TEST_CASE("memory never becomes code") {
  CHECK(filtered([] { return try_map(PROT_READ | PROT_WRITE); }) == 0);
  CHECK(filtered([] { return try_map(PROT_READ | PROT_EXEC); }) == EPERM);
}

TEST_CASE("sockets are of the kinds that grpcd serves") {
  CHECK(filtered([] { return try_socket(AF_INET); }) == 0);
  CHECK(filtered([] { return try_socket(AF_UNIX); }) == 0);
  CHECK(filtered([] { return try_socket(AF_NETLINK); }) == EPERM);
  CHECK(filtered([] { return try_socket(AF_PACKET); }) == EPERM);
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
