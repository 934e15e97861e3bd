#include "grpcd/sandbox/system_calls.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <memory>
#include <new>
#include <ranges>
#include <sched.h>
#include <seccomp.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace ringrpc::grpcd {
namespace {

/// Allowed with any arguments. Landlock restricts the files.
constexpr std::string_view needed =
    "access close close_range dup dup2 dup3 eventfd2 faccessat faccessat2 fstat fstatfs ftruncate getcwd "
    "getdents64 lseek lstat newfstatat open openat pipe2 poll ppoll pread64 preadv pselect6 pwrite64 pwritev "
    "read readlink readlinkat readv select stat statfs statx unlink unlinkat write writev "
    // Sockets and rings.
    "accept accept4 epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait getpeername getsockname "
    "getsockopt io_uring_enter recvfrom recvmmsg recvmsg setsockopt "
    // Memory.
    "brk madvise membarrier mincore mlock mlock2 mremap munlock munmap "
    // Threads and time.
    "clock_getres clock_gettime clock_nanosleep exit exit_group futex get_robust_list getcpu getpid getppid "
    "gettid gettimeofday nanosleep restart_syscall rseq sched_getaffinity sched_yield set_robust_list "
    "set_tid_address time timerfd_create timerfd_gettime timerfd_settime "
    // Signals.
    "rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigtimedwait sigaltstack "
    "signalfd4 "
    // About the process.
    "getegid geteuid getgid getrandom getrlimit getrusage getuid sysinfo times uname";

/// Arguments with which a system call is allowed: all of these are true.
using Arguments = std::vector<scmp_arg_cmp>;

constexpr scmp_arg_cmp equal(unsigned argument, unsigned long value) {
  return {.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}

/// The bits of `mask` have this value.
constexpr scmp_arg_cmp bits(unsigned argument, unsigned long mask, unsigned long value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ERRNO(EPERM)), &::seccomp_release) {
    if (context_ == nullptr) throw std::bad_alloc();
  }

  /// With any arguments. Calls that this architecture lacks are left out.
  void allow(const std::string& name) {
    if (add(SCMP_ACT_ALLOW, name, {})) ++count_;
  }

  /// With one of these lists of arguments.
  void allow(const std::string& name, const std::vector<Arguments>& choices) {
    if (choices.empty()) return;
    for (const Arguments& arguments : choices) add(SCMP_ACT_ALLOW, name, arguments);
    ++count_;
  }

  void pretend_to_lack(const std::string& name) { add(SCMP_ACT_ERRNO(ENOSYS), name, {}); }

  /// For all threads, those that run already included.
  void load() {
    take(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1));
    take(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));  // a tree instead of a list
    take(::seccomp_load(context_.get()));
  }

  int error() const noexcept { return error_; }
  int count() const noexcept { return count_; }

 private:
  bool add(std::uint32_t action, const std::string& name, std::span<const scmp_arg_cmp> conditions) {
    const int number = ::seccomp_syscall_resolve_name(name.c_str());
    if (number < 0) return false;
    take(::seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(conditions.size()),
                                  conditions.data()));
    return true;
  }

  void take(int result) noexcept {
    if (result < 0 && error_ == 0) error_ = -result;
  }

  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
  int error_ = 0;
  int count_ = 0;
};

constexpr unsigned long low_half = 0xffffffff;  // the kernel ignores the upper half of an int

std::vector<Arguments> kinds_of(const Sockets& sockets) {
  std::vector<Arguments> kinds;
  // No other protocol, because Landlock knows only that of TCP: not Multipath TCP, for example.
  const auto add = [&](unsigned long family, unsigned long type) {
    constexpr unsigned long type_mask = 0xf;  // without SOCK_CLOEXEC and SOCK_NONBLOCK
    kinds.push_back({equal(0, family), bits(1, type_mask, type), equal(2, 0)});
  };
  if (sockets.notifies || sockets.connects) add(AF_UNIX, SOCK_DGRAM);
  if (!sockets.connects) return kinds;
  for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_VSOCK})
    add(static_cast<unsigned>(family), SOCK_STREAM);
  add(AF_INET, SOCK_DGRAM);  // look-ups of names
  add(AF_INET6, SOCK_DGRAM);
  return kinds;
}

/// Nothing listens that does not yet, so `bind` and `listen` are not needed.
void allow_sockets(Filter& filter, const Sockets& sockets) {
  filter.allow("socket", kinds_of(sockets));
  // TCP Fast Open connects when it sends, and Landlock does not see that.
  filter.allow("sendto", {{bits(3, MSG_FASTOPEN, 0)}});
  filter.allow("sendmsg", {{bits(2, MSG_FASTOPEN, 0)}});
  if (sockets.connects) {
    filter.allow("connect");
    filter.allow("sendmmsg", {{bits(3, MSG_FASTOPEN, 0)}});
  }
  // The other directions would make an unconnected socket of one that listens.
  filter.allow("shutdown", {{equal(1, SHUT_WR)}});
  // No new rings. A shard may still enable its own, if it has not had a turn yet.
  filter.allow("io_uring_register", {{equal(1, IORING_REGISTER_ENABLE_RINGS)}});
}

/// Calls that could also concern other processes or the process's memory as code.
void allow_within_process(Filter& filter) {
  const auto own = static_cast<unsigned long>(::getpid());
  filter.allow("kill", {{equal(0, own)}});  // the drain's end
  filter.allow("tgkill", {{equal(0, own)}});
  filter.allow("prlimit64", {{equal(0, 0)}});
  filter.allow("sched_setaffinity", {{equal(0, 0)}});
  filter.allow("getpriority", {{equal(0, PRIO_PROCESS), equal(1, 0)}});
  filter.allow("setpriority", {{equal(0, PRIO_PROCESS), equal(1, 0)}});
  filter.allow("prctl", {{equal(0, PR_SET_NAME)}, {equal(0, PR_GET_NAME)}, {equal(0, PR_SET_VMA)}});
  filter.allow("ioctl",
               {{bits(1, low_half, FIONREAD)}, {bits(1, low_half, FIONBIO)}, {bits(1, low_half, TCGETS)}});
  std::vector<Arguments> commands;  // not those that send signals or lock files
  for (const unsigned command : {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL})
    commands.push_back({bits(1, low_half, command)});
  filter.allow("fcntl", commands);
  // Memory never becomes code.
  filter.allow("mmap", {{bits(2, PROT_EXEC, 0)}});
  filter.allow("mprotect", {{bits(2, PROT_EXEC, 0)}});
  // Threads, but no processes. The arguments of clone3 are in memory, where a filter cannot read them. The C
  // library uses clone instead if the kernel seems to lack clone3.
  filter.allow("clone", {{bits(0, CLONE_THREAD, CLONE_THREAD)}});
  filter.pretend_to_lack("clone3");
}

}  // namespace

Result<int> allow_only_needed_system_calls(const Sockets& sockets) {
  Filter filter;
  for (const auto word : std::views::split(needed, ' ')) filter.allow(std::string(word.begin(), word.end()));
  allow_sockets(filter, sockets);
  allow_within_process(filter);
  filter.load();
  if (filter.error() == 0) return filter.count();
  const std::error_code error(filter.error(), std::generic_category());
  return fail(
      Code::FAILED_PRECONDITION,
      "the filter of system calls is refused: " + error.message() +
          "; if grpcd runs under another filter, allow seccomp there: in systemd's SystemCallFilter= or "
          "the container's seccomp profile",
      Initiator::library);
}

}  // namespace ringrpc::grpcd
