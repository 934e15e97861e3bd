// The cache of verified tokens: found by all bytes, until they end, and never more than fit.
#include "rpc/policy/jwt_cache.h"

#include <doctest/doctest.h>
#include <string>

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a token is found until it ends, by all of its bytes, for the keys that verified it") {
  JwtCache cache(1, 16);
  const std::string end(30, 's');  // the hash is of the end alone
  cache.keep(
      {.token = "a." + end, .ends = Instant(10s), .keys_version = 3, .attributes = {{"principal", "a"}}});
  REQUIRE(cache.find("a." + end, Instant(9s), 3));
  CHECK(cache.find("a." + end, Instant(9s), 3)->attributes.front().value == "a");
  CHECK_FALSE(cache.find("b." + end, Instant(9s), 3));
  CHECK_FALSE(cache.find(end, Instant(9s), 3));
  CHECK_FALSE(cache.find("", Instant(9s), 3));
  CHECK_FALSE(cache.find("a." + end, Instant(10s), 3));
  CHECK_FALSE(cache.find("a." + end, Instant(9s), 4));
}

TEST_CASE("tokens of one bucket replace the one that ends first, and a token itself") {
  JwtCache cache(1, 4);  // one bucket
  const auto keep = [&](const std::string& token, std::chrono::seconds ends) {
    cache.keep({.token = token, .ends = Instant(ends), .keys_version = 0, .attributes = {}});
  };
  keep("a", 40s);
  keep("b", 20s);
  keep("c", 30s);
  keep("d", 50s);
  keep("d", 60s);
  CHECK(cache.find("b", Instant(0s), 0));
  keep("e", 10s);
  CHECK_FALSE(cache.find("b", Instant(0s), 0));
  for (const char* kept : {"a", "c", "d", "e"}) CHECK(cache.find(kept, Instant(0s), 0));
}

}  // namespace
}  // namespace ringrpc
