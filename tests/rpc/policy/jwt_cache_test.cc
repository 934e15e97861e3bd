// The tokens that a shard has verified, and the callers who had valid ones.
#include "rpc/policy/jwt_cache.h"

#include <doctest/doctest.h>
#include <string>

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a token is found by all of its bytes, and fresh until its time for the keys that verified it") {
  JwtCache cache(1, 16);
  const std::string end(30, 's');  // the hash is of the end alone
  cache.keep({.token = "a." + end,
              .fresh_until = Instant(10s),
              .keys_version = 3,
              .verified = {.expires = {}, .attributes = {{"principal", "a"}}, .key = {}}});
  const VerifiedToken* const found = cache.find("a." + end);
  REQUIRE(found);
  CHECK(found->verified.attributes.front().value == "a");
  CHECK(found->fresh(Instant(9s), 3));
  CHECK_FALSE(found->fresh(Instant(10s), 3));
  CHECK_FALSE(found->fresh(Instant(9s), 4));
  CHECK_FALSE(cache.find("b." + end));
  CHECK_FALSE(cache.find(end));
}

TEST_CASE("tokens of one bucket replace the one that is fresh for the shortest time, and a token itself") {
  JwtCache cache(1, 4);  // one bucket
  const auto keep = [&](const std::string& token, std::chrono::seconds until) {
    cache.keep({.token = token, .fresh_until = Instant(until), .keys_version = 0, .verified = {}});
  };
  keep("a", 40s);
  keep("b", 20s);
  keep("c", 30s);
  keep("d", 50s);
  keep("d", 60s);
  CHECK(cache.find("b"));
  keep("e", 10s);
  CHECK_FALSE(cache.find("b"));
  for (const char* kept : {"a", "c", "d", "e"}) CHECK(cache.find(kept));
}

TEST_CASE("a connection and its address have standing from a valid token until a forged one") {
  const auto at = [](std::uint64_t address, std::uint64_t connection) {
    return WorkOrigin{.peer = {AF_INET, address}, .connection = connection};
  };
  CallerStanding standing;
  CHECK_FALSE(standing.holds(at(1, 1)));
  standing.gain(at(1, 1));
  CHECK(standing.holds(at(1, 1)));
  CHECK(standing.holds(at(1, 2)));  // by its address
  CHECK(standing.holds(at(2, 1)));  // by its connection
  CHECK_FALSE(standing.holds(at(2, 2)));
  standing.lose(at(1, 2));  // a neighbour's: the connection keeps its own
  CHECK_FALSE(standing.holds(at(1, 2)));
  CHECK(standing.holds(at(1, 1)));
  standing.lose(at(1, 1));
  CHECK_FALSE(standing.holds(at(1, 1)));
}

TEST_CASE("the callers with standing are limited in number, and the last ones remain") {
  CallerStanding standing;
  const auto caller = [](std::uint64_t number) {
    return WorkOrigin{.peer = {AF_INET, number}, .connection = number};
  };
  for (std::uint64_t i = 1; i <= 100'000; ++i) standing.gain(caller(i));
  CHECK(standing.holds(caller(100'000)));
  std::size_t holders = 0;
  for (std::uint64_t i = 1; i <= 100'000; ++i) holders += standing.holds(caller(i)) ? 1 : 0;
  CHECK(holders <= CallerStanding::places);
}

}  // namespace
}  // namespace ringrpc
