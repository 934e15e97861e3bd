/// The search domains and `ndots` of look-ups (resolv.conf(5)). The C library reads its variables once in a process, so
/// this is a program of its own.
#include <cstdlib>
#include <doctest/doctest.h>
#include <string>
#include <utility>

#include "rpc/naming/look_up.h"
#include "rpc/naming/name_server.h"
#include "transport/address.h"

namespace ringrpc::test {
namespace {

const bool variables_set =
    ::setenv("RES_OPTIONS", "ndots:2", 1) == 0 && ::setenv("LOCALDOMAIN", "corp.test lab.test", 1) == 0;

/// The names that a look-up asks for in vain, in their order, with spaces between them.
std::string asked_for(const std::string& host) {
  std::string names;
  {
    std::string last;
    const NameServer server([&](const NameServer::Query& query) {
      if (std::exchange(last, query.name) != query.name) names += (names.empty() ? "" : " ") + query.name;
      return NameServer::Reply{.code = 3};
    });
    const Result<DnsAddresses> found = look_up({host, 50051, *Address::parse(server.address())});
    REQUIRE_FALSE(found);
    CHECK(found.error().cause() == Cause::unknown_name);
  }
  return names;
}

TEST_CASE("names with as many dots as ndots are tried first as they are, whole ones only so") {
  REQUIRE(variables_set);
  CHECK(asked_for("a") == "a.corp.test a.lab.test a");
  CHECK(asked_for("a.b") == "a.b.corp.test a.b.lab.test a.b");
  CHECK(asked_for("a.b.c") == "a.b.c a.b.c.corp.test a.b.c.lab.test");
  CHECK(asked_for("a.b.") == "a.b");
}

}  // namespace
}  // namespace ringrpc::test
