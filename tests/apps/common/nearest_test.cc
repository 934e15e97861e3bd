#include "common/nearest.h"

#include <doctest/doctest.h>

namespace ringrpc::apps {
namespace {

TEST_CASE("the closest names come first, and at most three") {
  CHECK(suggest("Ecko", {"Check", "Echo", "Watch"}) == "; did you mean Echo?");
  CHECK(suggest("abcd", {"abxy", "abcx", "abcde", "ab"}) == "; did you mean abcx, abcde or abxy?");
}

TEST_CASE("case and a missing package do not count") {
  CHECK(suggest("echoservice", {"echo.v1.EchoService", "b.Other"}) == "; did you mean echo.v1.EchoService?");
}

TEST_CASE("without a close name all names are listed, if they are few") {
  CHECK(suggest("Delete", {"Echo"}) == "; there is Echo");
  CHECK(suggest("Delete", {"Echo", "Check", "Watch"}) == "; there are Echo, Check and Watch");
  CHECK(suggest("Delete", std::vector<std::string>(11, "Echo")) == "");
  CHECK(suggest("Delete", {}) == "");
}

}  // namespace
}  // namespace ringrpc::apps
