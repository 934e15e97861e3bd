// The user that grpcd becomes.
#include "grpcd/sandbox/user.h"

#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <grp.h>
#include <string>
#include <unistd.h>

#include "apps/grpcd/sandbox/forked.h"

namespace ringrpc::grpcd {
namespace {

bool root() {
  if (::geteuid() == 0) return true;
  MESSAGE("skipped: only root can become another user");
  return false;
}

TEST_CASE("an unknown user is refused by its name") {
  for (const std::string name : {"no-such-user", "4294967294", "99999999999999999999"}) {
    const Result<User> user = User::find(name);
    REQUIRE_FALSE(user);
    CHECK(user.error().code() == Code::NOT_FOUND);
    CHECK(user.error().message() == "this system has no user " + name);
  }
}

TEST_CASE("a user is found by name and by number") {
  if (!root()) return;
  CHECK(User::find("nobody")->name() == "nobody");
  CHECK(User::find("65534")->name() == "nobody");
}

TEST_CASE("there is no way back") {
  if (!root()) return;
  const Result<User> nobody = User::find("nobody");
  REQUIRE(nobody);
  CHECK(forked([&] {
          if (!nobody->become().ok()) return 1;
          if (::getuid() != 65534 || ::geteuid() != 65534 || ::getgid() != 65534) return 2;
          return ::setuid(0) == 0 || ::getgroups(0, nullptr) > 1 ? 3 : 0;
        }) == 0);
}

TEST_CASE("no group of root stays") {
  if (!root()) return;
  const Result<User> nobody = User::find("nobody");
  REQUIRE(nobody);
  CHECK(forked([&] {
          constexpr std::array<gid_t, 2> of_root = {0, 12345};
          if (::setgroups(of_root.size(), of_root.data()) != 0) return 1;
          if (!nobody->become().ok()) return 2;
          std::array<gid_t, 64> left;
          const int count = ::getgroups(left.size(), left.data());
          if (count < 0) return 3;
          return std::find_first_of(left.begin(), left.begin() + count, of_root.begin(), of_root.end()) ==
                         left.begin() + count
                     ? 0
                     : 4;
        }) == 0);
}

}  // namespace
}  // namespace ringrpc::grpcd
