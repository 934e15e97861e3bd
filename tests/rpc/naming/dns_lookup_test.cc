/// Look-ups through sockets, at a name server that behaves well or badly.

#include "rpc/naming/dns_lookup.h"

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reactor/io_fixture.h"
#include "rpc/naming/look_up.h"
#include "rpc/naming/name_server.h"
#include "transport/address.h"

namespace ringrpc::test {
namespace {

using Query = NameServer::Query;
using Reply = NameServer::Reply;
using test::look_up;  // beside the overloads below

/// Answers with those of `records` that have the type of the query.
NameServer::Answer knows(std::vector<NameServer::Record> records) {
  return [records = std::move(records)](const Query& query) {
    Reply reply;
    for (const NameServer::Record& record : records)
      if (record.type == query.type || record.type == 5) reply.records.push_back(record);
    return reply;
  };
}

Result<DnsAddresses> look_up(const std::string& host, const std::optional<Address>& server) {
  return look_up({host, 50051, server});
}

std::vector<std::string> texts(const Result<DnsAddresses>& found) {
  REQUIRE_MESSAGE(found, found.error().message());
  std::vector<std::string> all;
  for (const SocketAddress& address : found->addresses) all.push_back(to_string(address));
  std::ranges::sort(all);
  return all;
}

/// The service configs of a name that has addresses.
Result<std::string> configs_of(NameServer::Answer answer) {
  const NameServer server(std::move(answer));
  Shard shard(0, kernel_io());
  struct Kept final : DnsLookup::Handler {
    void on_looked_up(Result<DnsAddresses> result) override {
      CHECK(texts(result).size() == 1);
      configs = lookup->service_configs();
    }
    std::optional<Result<std::string>> configs;
    std::unique_ptr<DnsLookup> lookup;
  } kept;
  shard.post([&] {
    kept.lookup = std::make_unique<DnsLookup>(
        shard, DnsLookup::Question{"orders.test.", 50051, *Address::parse(server.address()), true}, kept);
  });
  REQUIRE(turn_until(shard, [&] { return kept.configs.has_value(); }));
  return *std::move(kept.configs);
}

/// Knows one address, and responds to the query for the service config with `config`.
NameServer::Answer with_config(const Reply& config) {
  return [config](const Query& query) {
    if (query.type == NameServer::type_a) return Reply{.records = {NameServer::address("127.0.0.1", 60)}};
    if (query.type != 16) return Reply{};
    CHECK(query.name == "_grpc_config.orders.test");
    return config;
  };
}

/// The data of a TXT record.
std::string strings(const std::vector<std::string>& each) {
  std::string data;
  for (const std::string& text : each) data += NameServer::number(text.size(), 1) + text;
  return data;
}

Result<DnsAddresses> look_up(const NameServer& server, const std::string& host = "orders.test.") {
  return look_up(host, *Address::parse(server.address()));
}

TEST_CASE("A and AAAA are asked for together") {
  const NameServer server(knows({NameServer::address("10.0.0.1", 30), NameServer::address("10.0.0.2", 20),
                                 NameServer::address("2001:db8::1", 40)}));
  const Result<DnsAddresses> found = look_up(server);
  CHECK(texts(found) == std::vector<std::string>{"10.0.0.1:50051", "10.0.0.2:50051", "[2001:db8::1]:50051"});
  CHECK(found->ttl_s == 20);
  CHECK(server.queries() == 2);
}

TEST_CASE("one family is enough, whether the other has no address, fails, or is not answered") {
  for (int how = 0; how < 3; ++how) {
    CAPTURE(how);
    const NameServer server([&](const Query& query) {
      if (query.type == NameServer::type_a) return Reply{.records = {NameServer::address("10.0.0.1", 30)}};
      return Reply{.code = how == 1 ? 2 : 0, .silent = how == 2};
    });
    CHECK(texts(look_up(server)) == std::vector<std::string>{"10.0.0.1:50051"});
  }
}

/// Options of c-ares while it exists.
struct ResolverOptions {
  explicit ResolverOptions(const char* options) { REQUIRE(::setenv("RES_OPTIONS", options, 1) == 0); }
  ResolverOptions(const ResolverOptions&) = delete;
  ResolverOptions& operator=(const ResolverOptions&) = delete;
  ~ResolverOptions() { ::unsetenv("RES_OPTIONS"); }
};

TEST_CASE("a look-up with addresses of one family waits 50 ms for the other, not for its time to be over") {
  const ResolverOptions options("retrans:3600000 retry:1");
  const NameServer server([](const Query& query) {
    if (query.type == NameServer::type_a) return Reply{.records = {NameServer::address("10.0.0.1", 30)}};
    return Reply{.silent = true};
  });
  const Result<DnsAddresses> found = look_up({.host = "orders.test.",
                                              .port = 50051,
                                              .server = *Address::parse(server.address()),
                                              .timeout = std::chrono::hours(1)});
  CHECK(texts(found) == std::vector<std::string>{"10.0.0.1:50051"});
}

TEST_CASE("a name whose one query fails is not said to have no address") {
  const NameServer server([](const Query& query) {
    // The other query is asked first.
    return Reply{.code = query.type == NameServer::type_a ? 2 : 0};
  });
  const Result<DnsAddresses> found = look_up(server);
  REQUIRE_FALSE(found);
  CHECK(found.error().cause() == Cause::lookup_failed);
}

TEST_CASE("an address that has arrived is used when the time is over before the other family responds") {
  const NameServer server([](const Query& query) {
    if (query.type == NameServer::type_a) return Reply{.records = {NameServer::address("10.0.0.1", 30)}};
    return Reply{.silent = true};
  });
  Result<DnsAddresses> found;
  // On a busy machine even that address may come too late, but not each time.
  for (int tries = 0; tries < 100 && (tries == 0 || !found); ++tries)
    found = look_up({.host = "orders.test.",
                     .port = 50051,
                     .server = *Address::parse(server.address()),
                     .timeout = std::chrono::milliseconds(20)});
  CHECK(texts(found) == std::vector<std::string>{"10.0.0.1:50051"});
}

TEST_CASE("a truncated response is asked for over TCP, where thousands of addresses come") {
  const NameServer server([](const Query& query) {
    Reply reply{.truncated = !query.over_tcp};
    for (unsigned at = 0; query.type == NameServer::type_a && query.over_tcp && at < 4000; ++at)
      reply.records.push_back(
          NameServer::address("10.0." + std::to_string(at / 250) + "." + std::to_string(at % 250), 1));
    return reply;
  });
  CHECK(texts(look_up(server)).size() == 4000);
}

TEST_CASE("aliases that lead in a circle lead nowhere") {
  const NameServer server([](const Query&) {
    NameServer::Record there = NameServer::alias("b.test", 1);
    NameServer::Record back = NameServer::alias("orders.test", 1);
    back.name = NameServer::encoded("b.test");
    return Reply{.records = {there, back, there, back}};
  });
  const Result<DnsAddresses> found = look_up(server);
  REQUIRE_FALSE(found);
  CHECK(found.error().message() == "resolve orders.test.: the name has no address");
  CHECK(found.error().cause() == Cause::unknown_name);
}

TEST_CASE("names that do not exist, servers that fail, and none at all are told apart") {
  const NameServer unknown([](const Query&) { return Reply{.code = 3}; });
  const Result<DnsAddresses> no_name = look_up(unknown);
  REQUIRE_FALSE(no_name);
  CHECK(no_name.error().code() == Code::UNAVAILABLE);
  CHECK(no_name.error().message() == "resolve orders.test.: there is no such name");
  CHECK(no_name.error().cause() == Cause::unknown_name);

  const NameServer broken([](const Query&) { return Reply{.code = 2}; });
  const Result<DnsAddresses> failed = look_up(broken);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message().starts_with("resolve orders.test.: "));
  CHECK(failed.error().cause() == Cause::lookup_failed);

  std::optional<NameServer> gone(std::in_place, [](const Query&) { return Reply{}; });
  const Address nobody = *Address::parse(gone->address());
  gone.reset();
  const Result<DnsAddresses> unreachable = look_up("orders.test.", nobody);
  REQUIRE_FALSE(unreachable);
  CHECK(unreachable.error().message() ==
        "resolve orders.test.: every name server failed, refused or cannot be reached");
  CHECK(unreachable.error().cause() == Cause::lookup_failed);
}

TEST_CASE("responses with another id, and ones that are no DNS, are not believed") {
  // c-ares asks again after this time.
  REQUIRE(::setenv("RES_OPTIONS", "retrans:100 retry:4", 1) == 0);
  unsigned lies = 0;
  const NameServer server([&](const Query& query) {
    if (query.type == NameServer::type_aaaa) return Reply{};
    Reply reply{.records = {NameServer::address("10.6.6.6", 30)}, .id_error = 1};
    if (++lies == 2) reply = Reply{.records = {NameServer::address("10.0.0.1", 30)}};
    return reply;
  });
  CHECK(texts(look_up(server)) == std::vector<std::string>{"10.0.0.1:50051"});
  const NameServer garbage([](const Query&) { return Reply{.raw = "not DNS at all, and rather long"}; });
  CHECK_FALSE(look_up(garbage));
  REQUIRE(::unsetenv("RES_OPTIONS") == 0);
}

TEST_CASE("a look-up that is destroyed is cancelled") {
  const NameServer silent([](const Query&) { return Reply{.silent = true}; });
  Shard shard(0, kernel_io());
  Found found;
  shard.post([&] {
    found.lookup = std::make_unique<DnsLookup>(
        shard, DnsLookup::Question{"orders.test.", 1, *Address::parse(silent.address())}, found);
  });
  REQUIRE(turn_until(shard, [&] { return silent.queries() == 2; }));
  shard.post([&] { found.lookup.reset(); });
  REQUIRE(turn_until(shard, [&] { return !found.lookup; }));
  settle(shard);
  CHECK_FALSE(found.found);
}

TEST_CASE("many look-ups at once, each with sockets of its own, all end") {
  const NameServer server(knows({NameServer::address("10.0.0.1", 30)}));
  Shard shard(0, kernel_io());
  std::vector<Found> all(50);
  shard.post([&] {
    for (Found& each : all)
      each.lookup = std::make_unique<DnsLookup>(
          shard, DnsLookup::Question{"orders.test.", 1, *Address::parse(server.address())}, each);
  });
  REQUIRE(turn_until(shard, [&] {
    return std::ranges::all_of(all, [](const Found& each) { return each.found.has_value(); });
  }));
  for (const Found& each : all) CHECK(texts(*each.found).size() == 1);
}

TEST_CASE("the hosts file comes before the system's name servers") {
  // Every machine has this line.
  const Result<DnsAddresses> found = look_up("localhost", std::nullopt);
  CHECK_FALSE(texts(found).empty());
}

TEST_CASE("the service config of a name is the first TXT record with the attribute, in one piece") {
  const auto txt = [](const std::vector<std::string>& each) {
    return NameServer::Record{.type = 16, .ttl_s = 60, .data = strings(each)};
  };
  CHECK(configs_of(with_config(
            {.records = {txt({"v=spf1", "grpc_config=no"}), txt({"grpc_config=[{\"a\":", "1}", "]"}),
                         txt({"grpc_config=[2]"})}})) == "[{\"a\":1}]");
  CHECK(configs_of(with_config({.records = {txt({"v=spf1"})}})) == "");
  CHECK(configs_of(with_config({})) == "");
  CHECK(configs_of(with_config({.code = 3})) == "");
}

TEST_CASE("a service config that cannot be looked up leaves the addresses, and takes a second at most") {
  const auto refused = configs_of(with_config({.code = 5}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().starts_with("resolve the service config of orders.test.: "));
  const auto silent = configs_of(with_config({.silent = true}));
  REQUIRE_FALSE(silent);
  CHECK(silent.error().message() ==
        "resolve the service config of orders.test.: no name server responded within a second");
  const auto broken = configs_of(
      with_config({.records = {{.type = 16, .ttl_s = 60, .data = std::string("\xff") + "grpc_config=[]"}}}));
  CHECK_FALSE(broken);
}

}  // namespace
}  // namespace ringrpc::test
