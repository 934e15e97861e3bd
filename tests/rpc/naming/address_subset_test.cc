/// The draw of a few of many addresses.
#include "rpc/naming/address_subset.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>

namespace ringrpc {
namespace {

using Indices = std::vector<std::size_t>;

/// Draws 10 of 100 addresses, of which the first is number `first`, and the next ones follow in a circle.
Indices draw(std::uint64_t seed, std::size_t first = 0) {
  std::vector<std::string> addresses;
  for (std::size_t at = 0; at < 100; ++at)
    addresses.push_back("10.0.0." + std::to_string((first + at) % 100) + ":50051");
  return address_subset(addresses.size(), 10, seed,
                        [&](std::size_t at) -> std::string_view { return addresses[at]; });
}

TEST_CASE("each seed draws another subset, whatever the order of the addresses") {
  const Indices drawn = draw(1);
  CHECK(drawn.size() == 10);
  CHECK(draw(1) == drawn);
  CHECK(draw(2) != drawn);
  Indices turned;
  for (const std::size_t at : draw(1, 40)) turned.push_back((40 + at) % 100);
  std::ranges::sort(turned);
  CHECK(turned == drawn);
}

TEST_CASE("few addresses are all drawn") {
  CHECK(address_subset(3, 10, 1, [](std::size_t) { return std::string_view("same"); }) == Indices{0, 1, 2});
}

}  // namespace
}  // namespace ringrpc
