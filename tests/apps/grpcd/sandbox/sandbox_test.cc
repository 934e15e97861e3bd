// Whom and what the sandbox refuses to confine.
#include "grpcd/sandbox/sandbox.h"

#include <cerrno>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

#include "apps/grpcd/sandbox/forked.h"
#include "apps/scratch_folder.h"
#include "base/unique_fd.h"
#include "grpcd/sandbox/landlock.h"
#include "reactor/seccomp.h"

namespace ringrpc::grpcd {
namespace {

constexpr int as_expected = 0;

/// Makes `landlock_create_ruleset` fail with `error`, enters the sandbox as an ordinary user, and returns what `judge` makes of
/// the line for the log, or of the failure.
template <class Judge>
int entered_without_landlock(unsigned error, const Judge& judge) {
  return forked([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return enforced_nothing;
    if (!test::forbid(SYS_landlock_create_ruleset, error)) return enforced_nothing;
    Configuration configuration;
    configuration.values.sandbox = true;
    const Result<Sandbox> sandbox = Sandbox::begin(configuration);
    return judge(sandbox ? sandbox->lock() : std::unexpected(sandbox.error()));
  });
}

}  // namespace

TEST_CASE("a kernel without Landlock does not restrict files, and the log says so") {
  for (const unsigned error : {ENOSYS, EOPNOTSUPP})
    CHECK(entered_without_landlock(error, [](const Result<std::string>& line) {
            return line && line->ends_with(" system calls; files are not restricted") ? as_expected : 1;
          }) == as_expected);
}

TEST_CASE("a filter that forbids Landlock keeps grpcd from starting") {
  CHECK(entered_without_landlock(EPERM, [](const Result<std::string>& line) {
          return !line &&
                         line.error().message().ends_with(
                             "a filter of system calls forbids Landlock: allow landlock_create_ruleset, "
                             "landlock_add_rule and landlock_restrict_self in systemd's SystemCallFilter= or "
                             "the container's seccomp profile")
                     ? as_expected
                     : 1;
        }) == as_expected);
}

TEST_CASE("a certificate behind a symbolic link can be read again, and no other file") {
  if (!Landlock::version()) {
    MESSAGE("skipped: this kernel has no Landlock");
    return;
  }
  const apps::ScratchFolder links, targets, others;
  for (const apps::ScratchFolder* const folder : {&links, &targets, &others})
    std::filesystem::permissions(folder->file("."), std::filesystem::perms(0755));
  std::ofstream(targets.file("server.pem")) << "certificate";
  std::ofstream(others.file("server.pem")) << "another";
  std::filesystem::create_symlink(targets.file("server.pem"), links.file("server.pem"));
  const auto opened = [&](const std::string& path) {
    return forked([&] {
      if (::geteuid() == 0 && ::setuid(65534) != 0) return enforced_nothing;
      Configuration configuration;
      configuration.values.sandbox = true;
      configuration.values.tls.certificate = links.file("server.pem");
      if (!Sandbox::begin(configuration)) return enforced_nothing;
      return error_unless(bool(UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC))));
    });
  };
  CHECK(opened(links.file("server.pem")) == 0);
  CHECK(opened(others.file("server.pem")) == EACCES);
}

}  // namespace ringrpc::grpcd
