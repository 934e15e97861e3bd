#include "rpc/world.h"

#include <doctest/doctest.h>
#include <utility>

#include "seeds.h"
#include "transport/address.h"

namespace ringrpc {

void World::also_serve(Service& service) { services_.push_back(&service); }

void World::serve(const ServerOptions& options, std::string_view where) {
  std::vector<Service*> services = services_;
  services.push_back(&service_);
  parts_.emplace();
  REQUIRE(parts_->add(services, options).ok());
  options_ = options;
  shards_[0] = &server_shard();
  parts_->begin(shards_, options);
  Result<std::string> bound = parts_->listener()->listen(*Address::parse(where));
  REQUIRE_MESSAGE(bound, bound.error().to_string());
  address_ = *bound;
}

void World::replace_server() {
  auto part = std::make_unique<ServerShard>(server_shard(), 1, parts_->methods(), options_);
  ServerShard* old = replaced_.emplace_back(parts_->replace(server_shard(), std::move(part))).get();
  server_shard().post([old] { old->drain([] {}); });
}

void World::stop() {
  if (!parts_) return;
  parts_->drop_listener();
  if (parts_->size() > 0) parts_->drop(server_shard());
  replaced_.clear();
}

bool World::run(const Script& script, const ChannelOptions& options) {
  if (address_.empty()) serve({});
  return run_against(address_, script, options);
}

bool World::run_against(const std::string& address, const Script& script, const ChannelOptions& options) {
  std::unique_ptr<Channel> channel;
  Task<void> task;
  bool ended = false;
  client_shard().post([&] {
    channel = std::make_unique<Channel>(address, options);
    task = script(*channel);
    task.start();
  });
  const bool done = run_until([&] { return task.done(); });
  if (done) task.result();
  client_shard().post([&] {
    task = {};
    channel.reset();
    ended = true;
  });
  return run_until([&] { return ended; }) && done;
}

RealWorld::RealWorld(IoBackend backend)
    : server_shard_(std::make_unique<Shard>(0, test::kernel_io({}, backend))),
      client_shard_(std::make_unique<Shard>(1, test::kernel_io({}, backend))) {}

bool RealWorld::run_until(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    server_shard_->turn(false);
    client_shard_->turn(false);
  }
  return true;
}

SimulatedWorld::SimulatedWorld(std::uint64_t seed, const Faults& faults, unsigned shards)
    : simulation_(seed, {.shards = shards, .faults = faults}) {}

Faults benign_faults() {
  return {
      .short_read = 0.3, .short_write = 0.3, .delay = 0.3, .no_buffers = 0.05, .socket_buffer_bytes = 4096};
}

void for_each_world(const std::function<void(World&)>& test) {
  if (!seed_to_replay()) {
    for (const IoBackend backend : test::kernel_backends()) {
      RealWorld world(backend);
      INFO("over ", world.server_shard().io().name());
      test(world);
    }
    INFO("one byte at a time");
    SimulatedWorld world(1, {.socket_buffer_bytes = 1});
    test(world);
  }
  for_each_seed(20, [&](std::uint64_t seed) {
    INFO("RINGRPC_SEED=", seed);
    SimulatedWorld world(seed, benign_faults());
    test(world);
  });
}

void for_some_worlds(const std::function<void(World&)>& test) {
  SUBCASE("real sockets") {
    RealWorld world;
    test(world);
  }
  SUBCASE("simulated networks") {
    for (const std::uint64_t seed : {1, 2, 3}) {
      SimulatedWorld world(seed, benign_faults());
      test(world);
    }
  }
}

}  // namespace ringrpc
