// Whom and what the sandbox refuses to confine.
#include "grpcd/sandbox/sandbox.h"

#include <cerrno>
#include <doctest/doctest.h>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

#include "apps/grpcd/sandbox/forked.h"
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
          return !line && line.error().message().contains("a filter of system calls forbids Landlock: allow ")
                     ? as_expected
                     : 1;
        }) == as_expected);
}

}  // namespace ringrpc::grpcd
