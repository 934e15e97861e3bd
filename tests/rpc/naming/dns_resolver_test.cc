/// A target of several places, of which some have names.
#include "rpc/naming/dns_resolver.h"

#include <chrono>
#include <doctest/doctest.h>
#include <optional>
#include <string>

#include "reactor/io_fixture.h"
#include "rpc/naming/name_server.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;

Result<Resolution> resolve(const std::string& target) {
  DnsResolver resolver(Target::parse(target, {}).value().places(), std::nullopt, 1min);
  Shard shard(0, kernel_io());
  std::optional<Task<Result<Resolution>>> task;
  shard.post([&] {
    task = resolver.resolve({});
    task->start();
  });
  REQUIRE(turn_until(shard, [&] { return task && task->done(); }));
  Result<Resolution> found = task->result();
  shard.post([&] { task.reset(); });
  REQUIRE(turn_until(shard, [&] { return !task; }));
  return found;
}

TEST_CASE("addresses are valid for the shortest time of all names, and for a second if one is not known") {
  const NameServer server([](const NameServer::Query& query) {
    if (query.name == "unknown.test") return NameServer::Reply{.code = 3};
    if (query.type != NameServer::type_a) return NameServer::Reply{};
    return NameServer::Reply{
        .records = {NameServer::address("10.0.0.1", query.name == "short.test" ? 20 : 90)}};
  });
  const auto at = [&](const std::string& name) {
    return "dns://" + server.address() + "/" + name + ".test.:1";
  };
  CHECK(resolve("10.0.0.1:1,10.0.0.2:1").value().valid_for == resolve_interval_max);
  CHECK(resolve(at("long")).value().valid_for == 90s);
  CHECK(resolve(at("long") + "," + at("short")).value().valid_for == 20s);
  for (const std::string& target : {at("long") + "," + at("unknown"), at("unknown") + "," + at("long")}) {
    const Resolution found = resolve(target).value();
    CHECK(found.addresses.size() == 1);
    CHECK(found.valid_for == resolve_interval_min);
  }
}

}  // namespace
}  // namespace ringrpc::test
