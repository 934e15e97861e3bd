/// Look-ups of tests.
#pragma once

#include <doctest/doctest.h>
#include <memory>
#include <optional>
#include <utility>

#include "reactor/io_fixture.h"
#include "rpc/naming/dns_lookup.h"

namespace ringrpc::test {

struct Found final : DnsLookup::Handler {
  void on_looked_up(Result<DnsAddresses> result) override {
    found = std::move(result);
    lookup.reset();  // which its contract permits
  }

  std::optional<Result<DnsAddresses>> found;
  std::unique_ptr<DnsLookup> lookup;
};

inline Result<DnsAddresses> look_up(DnsLookup::Question question) {
  Shard shard(0, kernel_io());
  Found found;
  shard.post([&] { found.lookup = std::make_unique<DnsLookup>(shard, std::move(question), found); });
  REQUIRE(turn_until(shard, [&] { return found.found.has_value(); }));
  return *std::move(found.found);
}

}  // namespace ringrpc::test
