#include "grpcd/sandbox/landlock.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

#include "base/unique_fd.h"

namespace ringrpc::grpcd {
namespace {

// The kernel's interface as of version 6. Debian 12 has the headers of version 2.
constexpr std::uint64_t fs_truncate = 1u << 14;
constexpr std::uint64_t fs_ioctl_device = 1u << 15;
constexpr std::uint64_t net_bind = 1u << 0;
constexpr std::uint64_t net_connect = 1u << 1;
constexpr std::uint64_t scope_abstract_sockets = 1u << 0;
constexpr std::uint64_t scope_signals = 1u << 1;
constexpr int rule_of_port = 2;

struct Ruleset {
  std::uint64_t files;
  std::uint64_t ports;
  std::uint64_t scopes;
};

struct PortRule {
  std::uint64_t access;
  std::uint64_t port;
};

constexpr std::uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t writing = reading | LANDLOCK_ACCESS_FS_WRITE_FILE | fs_truncate |
                                  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                  LANDLOCK_ACCESS_FS_REMOVE_FILE;
constexpr std::uint64_t of_files =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | fs_truncate | fs_ioctl_device;

Ruleset all_of(int version) noexcept {
  Ruleset all{.files = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1, .ports = 0, .scopes = 0};
  if (version >= 2) all.files |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) all.files |= fs_truncate;
  if (version >= 4) all.ports = net_bind | net_connect;
  if (version >= 5) all.files |= fs_ioctl_device;
  if (version >= 6) all.scopes = scope_abstract_sockets | scope_signals;
  return all;
}

std::unexpected<Status> refused(const std::string& what) {
  const std::error_code error(errno, std::generic_category());
  return fail(Code::INTERNAL, "Landlock: " + what + ": " + error.message(), Initiator::library);
}

bool add_rule(int rules, int type, const void* rule) noexcept {
  return ::syscall(SYS_landlock_add_rule, rules, type, rule, 0) == 0;
}

}  // namespace

Result<int> Landlock::version() {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version > 0) return static_cast<int>(version);
  if (errno == ENOSYS)
    return fail(Code::UNIMPLEMENTED, "this kernel has no Landlock, or a filter of system calls hides it",
                Initiator::library);
  if (errno == EOPNOTSUPP)
    return fail(Code::UNIMPLEMENTED, "Landlock is off in this kernel: add it to the kernel's parameter lsm",
                Initiator::library);
  return fail(
      Code::PERMISSION_DENIED,
      "a filter of system calls forbids Landlock: allow landlock_create_ruleset, landlock_add_rule and "
      "landlock_restrict_self in systemd's SystemCallFilter= or the container's seccomp profile",
      Initiator::library);
}

Result<int> Landlock::enforce() const {
  const Result<int> present = Landlock::version();
  if (!present) return present;
  const int version = *present;
  Ruleset all = all_of(version);
  if (connects_) all.ports &= ~net_connect;
  if (reaches_abstract_sockets_) all.scopes &= ~scope_abstract_sockets;
  const UniqueFd rules(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0)));
  if (!rules) return refused("no rules can be made");

  for (const Path& path : paths_) {
    const UniqueFd place(::open(path.name.c_str(), O_PATH | O_CLOEXEC));
    struct stat found{};
    if (!place || ::fstat(place.get(), &found) != 0) continue;
    std::uint64_t access = (path.access == Access::read ? reading : writing) & all.files;
    if (!S_ISDIR(found.st_mode)) access &= of_files;
    const landlock_path_beneath_attr rule{.allowed_access = access, .parent_fd = place.get()};
    if (!add_rule(rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule)) return refused(path.name);
  }
  for (const std::uint16_t port : ports_) {
    const PortRule rule{.access = net_bind, .port = port};
    if (all.ports != 0 && !add_rule(rules.get(), rule_of_port, &rule))
      return refused("port " + std::to_string(port));
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("no_new_privs");
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0) return refused("the rules are not taken");
  return version;
}

}  // namespace ringrpc::grpcd
