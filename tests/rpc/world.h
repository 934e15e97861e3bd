/// The environment of RPC tests: a server and a client on shards of their own, over real sockets or a
/// simulated network, all on one thread.
///
///   for_each_world([](World& world) {
///     world.run([](Channel& channel) -> Task<void> { ... });
///   });
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ringrpc/channel.h"
#include "ringrpc/server.h"

#include "reactor/kernel_io.h"
#include "reactor/shard.h"
#include "rpc/server/raw_service.h"
#include "rpc/server/server_parts.h"
#include "testing/simulation.h"

namespace ringrpc {

class World {
 public:
  using Script = std::function<Task<void>(Channel&)>;

  virtual ~World() = default;

  /// Runs a client's script to its end, over a channel of its own. False if it hangs.
  bool run(const Script& script, const ChannelOptions& options = {});
  /// The same over a channel to `address`, where another server may listen.
  bool run_against(const std::string& address, const Script& script, const ChannelOptions& options = {});
  /// Turns the shards until `done` holds. False if it never does.
  virtual bool run_until(const std::function<bool()>& done) = 0;

  virtual Shard& server_shard() = 0;
  virtual Shard& client_shard() = 0;

  RawService& service() noexcept { return service_; }
  ServerShard& server() noexcept { return *parts_->on(server_shard()); }
  const std::string& address() const noexcept { return address_; }

  /// Adds a service of the test's own; before `serve`.
  void also_serve(Service& service);
  /// Starts the server, also again after `stop`; `run` does so with default options when it was not called.
  void serve(const ServerOptions& options, std::string_view where = "127.0.0.1:0");
  /// Replaces the server and drains the old one, as in a rolling restart.
  void replace_server();
  /// Ends the server and its remaining connections.
  void stop();

 private:
  RawService service_;
  std::vector<Service*> services_;
  Shard* shards_[1] = {};
  ServerOptions options_;
  std::optional<ServerParts> parts_;
  std::vector<std::unique_ptr<ServerShard>> replaced_;
  std::string address_;
};

/// This machine's loopback, on either backend.
class RealWorld final : public World {
 public:
  explicit RealWorld(IoBackend backend = test::backend_under_test());
  ~RealWorld() override { stop(); }
  bool run_until(const std::function<bool()>& done) override;
  Shard& server_shard() override { return *server_shard_; }
  Shard& client_shard() override { return *client_shard_; }

 private:
  std::unique_ptr<Shard> server_shard_;
  std::unique_ptr<Shard> client_shard_;
};

class SimulatedWorld final : public World {
 public:
  /// With more than two shards, those beyond the client's are the test's own.
  explicit SimulatedWorld(std::uint64_t seed, const Faults& faults = {}, unsigned shards = 2);
  ~SimulatedWorld() override { stop(); }
  bool run_until(const std::function<bool()>& done) override { return simulation_.run_until(done); }
  Shard& server_shard() override { return simulation_.shard(0); }
  Shard& client_shard() override { return simulation_.shard(1); }
  Simulation& simulation() noexcept { return simulation_; }

 private:
  Simulation simulation_;
};

/// Faults that cut and delay but lose nothing.
Faults benign_faults();

/// Runs `test` over real sockets on each backend, over a network that carries one byte at a time, and over
/// networks of several seeds (seeds.h) that cut and delay; over one seed's alone when that is run again.
void for_each_world(const std::function<void(World&)>& test);

/// Runs `test` over real sockets, and over a few networks that cut and delay: for tests that would take too
/// long on a network that carries one byte at a time.
void for_some_worlds(const std::function<void(World&)>& test);

/// A unary call of that method of RawService.
inline Task<CallResult<RawMessage>> unary(const Channel& channel, std::string method, std::string request,
                                          CallOptions options = {}) {
  co_return co_await channel.unary<RawMessage, RawMessage>(
      "/test.v1.Raw/" + method, RawMessage{std::move(request)}, std::move(options));
}

}  // namespace ringrpc
