#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <doctest/doctest.h>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <string_view>
#include <sys/un.h>
#include <vector>

#include "reactor/peer.h"
#include "testing/simulation.h"

using namespace std::literals;

namespace ringrpc {
namespace {

SocketAddress loopback(std::uint16_t port) {
  SocketAddress address;
  auto& in = reinterpret_cast<sockaddr_in&>(address.storage);
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  in.sin_port = htons(port);
  address.length = sizeof in;
  return address;
}

std::uint16_t port_of(const SocketAddress& address) {
  return ntohs(reinterpret_cast<const sockaddr_in&>(address.storage).sin_port);
}

SocketAddress unix_path(std::string_view path) {
  SocketAddress address;
  auto& un = reinterpret_cast<sockaddr_un&>(address.storage);
  un.sun_family = AF_UNIX;
  path.copy(un.sun_path, sizeof un.sun_path - 1);
  address.length = sizeof un;
  return address;
}

struct SimulatedAccepted final : Acceptor::Handler {
  void on_accepted(UniqueFd connection) override { connections.push_back(std::move(connection)); }
  void on_accept_error(int error) override {
    errors.push_back(error);
    error_times.push_back(Shard::current()->now());
  }
  std::vector<UniqueFd> connections;
  std::vector<int> errors;
  std::vector<Instant> error_times;
};

struct SimulatedConnected final : Connector::Handler {
  void on_connected(UniqueFd made, int failure) override {
    REQUIRE_FALSE(error);
    connection = std::move(made);
    error = failure;
  }
  UniqueFd connection;
  std::optional<int> error;
};

TEST_CASE("a connection is accepted and both sides know each other's address") {
  Simulation simulation(1, {.shards = 2});
  SimulatedAccepted accepted;
  auto acceptor = simulation.shard(0).io().listen(loopback(0), 10, accepted);
  REQUIRE(acceptor);
  CHECK(port_of((*acceptor)->address()) != 0);

  SimulatedConnected connected;
  const auto connector = simulation.shard(1).io().connect((*acceptor)->address(), connected);
  CHECK_FALSE(connected.error);
  REQUIRE(simulation.run_until([&] { return connected.error && !accepted.connections.empty(); }));
  CHECK(connected.error == 0);
  const Peer client(simulation.shard(1), std::move(connected.connection));
  const Peer server(simulation.shard(0), std::move(accepted.connections[0]));
  CHECK(port_of(client.stream().peer()) == port_of((*acceptor)->address()));
  CHECK(port_of(server.stream().peer()) != 0);
  CHECK(port_of(server.stream().peer()) != port_of((*acceptor)->address()));
}

TEST_CASE("a unix socket's client has no name") {
  Simulation simulation(1);
  SimulatedAccepted accepted;
  const auto acceptor = simulation.shard(0).io().listen(unix_path("/run/test.sock"), 10, accepted);
  REQUIRE(acceptor);
  SimulatedConnected connected;
  const auto connector = simulation.shard(0).io().connect(unix_path("/run/test.sock"), connected);
  REQUIRE(simulation.run_until([&] { return !accepted.connections.empty(); }));
  const Peer server(simulation.shard(0), std::move(accepted.connections[0]));
  CHECK(server.stream().peer().length == 0);
}

TEST_CASE("an address is bound once") {
  Simulation simulation(1);
  SimulatedAccepted accepted;
  auto first = simulation.shard(0).io().listen(loopback(80), 10, accepted);
  REQUIRE(first);
  const auto second = simulation.shard(0).io().listen(loopback(80), 10, accepted);
  REQUIRE_FALSE(second);
  CHECK(second.error().to_string() == "ALREADY_EXISTS: bind: address already in use");
  first->reset();
  CHECK(simulation.run_until_quiet());
  CHECK(simulation.shard(0).io().listen(loopback(80), 10, accepted));
}

TEST_CASE("a connect without a listener is refused, from the dispatch and not from inside the call") {
  Simulation simulation(1);
  SimulatedConnected connected;
  const auto connector = simulation.shard(0).io().connect(loopback(1), connected);
  CHECK_FALSE(connected.error);
  REQUIRE(simulation.run_until([&] { return connected.error.has_value(); }));
  CHECK(connected.error == ECONNREFUSED);
  CHECK_FALSE(connected.connection);
}

TEST_CASE("a connect may be refused by fault") {
  Simulation simulation(1, {.faults = {.refuse = 1}});
  SimulatedAccepted accepted;
  const auto acceptor = simulation.shard(0).io().listen(loopback(80), 10, accepted);
  SimulatedConnected connected;
  const auto connector = simulation.shard(0).io().connect(loopback(80), connected);
  CHECK(simulation.run_until_quiet());
  CHECK(connected.error == ECONNREFUSED);
  CHECK(accepted.connections.empty());
  CHECK(simulation.network().fault_counts().refusals == 1);
}

TEST_CASE("a destroyed connector reports nothing and leaves nothing") {
  for (unsigned turns = 0; turns < 3; ++turns) {
    CAPTURE(turns);
    Simulation simulation(1, {.faults = {.delay = 1}});
    SimulatedAccepted accepted;
    auto acceptor = simulation.shard(0).io().listen(loopback(80), 10, accepted);
    SimulatedConnected connected;
    auto connector = simulation.shard(0).io().connect(loopback(80), connected);
    for (unsigned i = 0; i < turns; ++i) simulation.shard(0).turn();
    connector.reset();
    CHECK(simulation.run_until_quiet());
    CHECK_FALSE(connected.error);
    acceptor->reset();
    accepted.connections.clear();
    CHECK(simulation.run_until_quiet());
    CHECK(simulation.clean());
  }
}

TEST_CASE("a full backlog makes connects wait") {
  Simulation simulation(1, {.faults = {.accept_failure = 1}});
  SimulatedAccepted accepted;
  const auto acceptor = simulation.shard(0).io().listen(loopback(80), 1, accepted);
  SimulatedConnected first, second;
  const auto first_connector = simulation.shard(0).io().connect(loopback(80), first);
  REQUIRE(simulation.run_until([&] { return first.error.has_value(); }));
  const auto second_connector = simulation.shard(0).io().connect(loopback(80), second);
  simulation.run_for(10s);
  CHECK_FALSE(second.error);
  simulation.network().faults().accept_failure = 0;
  REQUIRE(simulation.run_until([&] { return second.error.has_value(); }));
  CHECK(second.error == 0);
}

TEST_CASE("a full backlog makes connects to a unix socket wait, but no longer than it is full") {
  Simulation simulation(1, {.faults = {.accept_failure = 1}});
  SimulatedAccepted accepted;
  const SocketAddress address = unix_path("/run/test.sock");
  const auto acceptor = simulation.shard(0).io().listen(address, 1, accepted);
  SimulatedConnected first, second;
  const auto first_connector = simulation.shard(0).io().connect(address, first);
  REQUIRE(simulation.run_until([&] { return first.error.has_value(); }));
  const auto second_connector = simulation.shard(0).io().connect(address, second);
  simulation.run_for(10s);
  CHECK_FALSE(second.error);
  simulation.network().faults().accept_failure = 0;
  REQUIRE(simulation.run_until([&] { return !accepted.connections.empty(); }));
  const Instant room = simulation.network().now();
  REQUIRE(simulation.run_until([&] { return second.error.has_value(); }));
  CHECK(second.error == 0);
  CHECK(simulation.network().now() - room <= full_backlog_pause);
}

TEST_CASE("connections that were not accepted are reset with their listener") {
  Simulation simulation(1, {.faults = {.accept_failure = 1}});
  SimulatedAccepted accepted;
  auto acceptor = simulation.shard(0).io().listen(loopback(80), 10, accepted);
  SimulatedConnected connected;
  const auto connector = simulation.shard(0).io().connect(loopback(80), connected);
  REQUIRE(simulation.run_until([&] { return connected.error.has_value(); }));
  Peer client(simulation.shard(0), std::move(connected.connection));
  client.start();
  acceptor->reset();
  REQUIRE(simulation.run_until([&] { return client.ended.has_value(); }));
  CHECK(client.ended == ECONNRESET);
}

TEST_CASE("an acceptor without descriptors reports it every 100 ms and continues when there are some") {
  Simulation simulation(1, {.faults = {.descriptors_max = 3}});
  SimulatedAccepted accepted;
  const auto acceptor = simulation.shard(0).io().listen(loopback(80), 10, accepted);
  SimulatedConnected connected[2];
  std::vector<std::unique_ptr<Connector>> connectors;
  for (SimulatedConnected& each : connected) {
    connectors.push_back(simulation.shard(0).io().connect(loopback(80), each));
    REQUIRE(simulation.run_until([&] { return each.error.has_value(); }));
  }
  REQUIRE(simulation.run_until([&] { return accepted.errors.size() == 3; }));
  CHECK(accepted.errors == std::vector{EMFILE, EMFILE, EMFILE});
  CHECK(accepted.error_times[1] - accepted.error_times[0] == 100ms);
  CHECK(accepted.error_times[2] - accepted.error_times[1] == 100ms);
  const std::size_t before = accepted.connections.size();
  connected[0].connection.reset();
  accepted.connections.clear();
  REQUIRE(simulation.run_until([&] { return !accepted.connections.empty(); }));
  CHECK(before <= 1);
}

TEST_CASE("accepting fails by fault in both ways that a lack of descriptors has") {
  Simulation simulation(1, {.faults = {.accept_failure = 1}});
  SimulatedAccepted accepted;
  const auto acceptor = simulation.shard(0).io().listen(loopback(80), 10, accepted);
  SimulatedConnected connected;
  const auto connector = simulation.shard(0).io().connect(loopback(80), connected);
  simulation.run_for(10s);
  CHECK(std::count(accepted.errors.begin(), accepted.errors.end(), EMFILE) > 10);
  CHECK(std::count(accepted.errors.begin(), accepted.errors.end(), ENFILE) > 10);
  CHECK(accepted.errors.size() <= 101);
}

}  // namespace
}  // namespace ringrpc
