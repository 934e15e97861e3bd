#include "common/descriptor_limit.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

namespace ringrpc::apps {
namespace {

/// Lowers the soft limit during its lifetime.
class SoftLimit {
 public:
  explicit SoftLimit(rlim_t soft) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit lowered{soft, before_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &lowered) == 0);
  }
  SoftLimit(const SoftLimit&) = delete;
  ~SoftLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

  std::uint64_t hard() const { return before_.rlim_max; }
  static std::uint64_t soft() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
  }

 private:
  rlimit before_{};
};

TEST_CASE("a sufficient limit stays unchanged") {
  const SoftLimit limit(100);
  CHECK(raise_descriptor_limit(100) == 100);
  CHECK(SoftLimit::soft() == 100);
}

TEST_CASE("a limit that is too low is raised to the hard one, and no further") {
  const SoftLimit limit(100);
  CHECK(raise_descriptor_limit(101) == limit.hard());
  CHECK(SoftLimit::soft() == limit.hard());
  CHECK(raise_descriptor_limit(limit.hard() + 1) == limit.hard());
}

TEST_CASE("the warning about a shortage has both numbers and the remedy") {
  CHECK(descriptor_shortage(1024, 20064) ==
        "at most 1024 file descriptors may be open where 20064 are needed; raise the limit (ulimit -n 20064, "
        "or LimitNOFILE=20064 under systemd)");
}

}  // namespace
}  // namespace ringrpc::apps
