#include "grpcd/sandbox/system_calls.h"

#include <cerrno>
#include <initializer_list>
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
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace ringrpc::grpcd {
namespace {

/// Allowed with any arguments. Landlock restricts the files.
constexpr std::string_view needed =
    "access close close_range dup dup2 dup3 eventfd2 faccessat faccessat2 fcntl fstat fstatfs ftruncate "
    "getcwd "
    "getdents64 lseek lstat newfstatat open openat pipe2 poll ppoll pread64 preadv pselect6 pwrite64 pwritev "
    "read readlink readlinkat readv select stat statfs statx unlink unlinkat write writev "
    // Sockets and rings.
    "accept accept4 bind connect epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait getpeername "
    "getsockname getsockopt io_uring_enter io_uring_register io_uring_setup listen recvfrom recvmmsg recvmsg "
    "sendmmsg sendmsg sendto setsockopt shutdown "
    // Memory.
    "brk madvise membarrier mincore mlock mlock2 mremap munlock munmap "
    // Threads and time.
    "clock_getres clock_gettime clock_nanosleep exit exit_group futex get_robust_list getcpu getpid getppid "
    "gettid gettimeofday nanosleep restart_syscall rseq sched_getaffinity sched_setaffinity sched_yield "
    "set_robust_list set_tid_address time timerfd_create timerfd_gettime timerfd_settime "
    // Signals.
    "rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigtimedwait sigaltstack "
    "signalfd4 "
    "tgkill "
    // About the process.
    "getegid geteuid getgid getrandom getrlimit getrusage getuid prlimit64 sysinfo times uname";

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

  /// With arguments of which one of the conditions is true.
  void allow(const std::string& name, std::initializer_list<scmp_arg_cmp> conditions) {
    for (const scmp_arg_cmp& condition : conditions) add(SCMP_ACT_ALLOW, name, {&condition, 1});
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

/// Calls that are needed with some arguments only.
void allow_in_part(Filter& filter) {
  filter.allow("socket", {equal(0, AF_UNIX), equal(0, AF_INET), equal(0, AF_INET6), equal(0, AF_VSOCK)});
  filter.allow("socketpair", {equal(0, AF_UNIX)});
  constexpr unsigned long request = 0xffffffff;  // the kernel ignores the upper half
  filter.allow("ioctl", {bits(1, request, FIONREAD), bits(1, request, FIONBIO), bits(1, request, TCGETS)});
  filter.allow("prctl", {equal(0, PR_SET_NAME), equal(0, PR_GET_NAME), equal(0, PR_SET_VMA)});
  // The drain's end is a signal to this process.
  filter.allow("kill", {equal(0, static_cast<unsigned long>(::getpid()))});
  // Memory never becomes code.
  filter.allow("mmap", {bits(2, PROT_EXEC, 0)});
  filter.allow("mprotect", {bits(2, PROT_EXEC, 0)});
  // Threads, but no processes. The arguments of clone3 are in memory, where a filter cannot read them. The C
  // library uses clone instead if the kernel seems to lack clone3.
  filter.allow("clone", {bits(0, CLONE_THREAD, CLONE_THREAD)});
  filter.pretend_to_lack("clone3");
}

}  // namespace

Result<int> allow_only_needed_system_calls() {
  Filter filter;
  for (const auto word : std::views::split(needed, ' ')) filter.allow(std::string(word.begin(), word.end()));
  allow_in_part(filter);
  filter.load();
  if (filter.error() == 0) return filter.count();
  const std::error_code error(filter.error(), std::generic_category());
  return fail(Code::FAILED_PRECONDITION, "the filter of system calls is refused: " + error.message(),
              Initiator::library);
}

}  // namespace ringrpc::grpcd
