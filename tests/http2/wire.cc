#include "http2/wire.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <netinet/tcp.h>

#include "reactor/io_fixture.h"
#include "reactor/peer.h"
#include "testing/simulation.h"

namespace ringrpc::http2::test {
namespace {

std::uint64_t seed_of_next = 1;

std::string_view wanted() {
  const char* wire = std::getenv("RINGRPC_WIRE");
  return wire ? wire : "";
}

std::pair<UniqueFd, UniqueFd> tcp_pair() {
  SocketAddress address = ringrpc::test::loopback();
  auto* const where = reinterpret_cast<sockaddr*>(&address.storage);
  const UniqueFd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(listening.get(), where, address.length) == 0);
  REQUIRE(::listen(listening.get(), 1) == 0);
  REQUIRE(::getsockname(listening.get(), where, &address.length) == 0);
  UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(client.get(), where, address.length) == 0);
  UniqueFd server(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(server.get() >= 0);
  for (const UniqueFd* each : {&client, &server}) {
    const int at_once = 1;
    REQUIRE(::setsockopt(each->get(), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once) == 0);
  }
  return {std::move(client), std::move(server)};
}

class Sockets final : public Wire {
 public:
  Sockets() { connect(shard_, tcp_pair()); }
  ~Sockets() override { disconnect(); }

 private:
  bool run_until(const std::function<bool()>& done) override {
    return ringrpc::test::turn_until(shard_, done);
  }

  Shard shard_{0, ringrpc::test::kernel_io()};
};

/// Every sixteenth seed uses small socket buffers, because they take time.
Faults faults_of(std::uint64_t seed) {
  return {.short_read = 0.3,
          .short_write = 0.3,
          .delay = 0.3,
          .no_buffers = 0.05,
          .socket_buffer_bytes = seed % 16 == 0 ? 100u : 16'384u};
}

class Simulated final : public Wire {
 public:
  explicit Simulated(std::uint64_t seed) : simulation_(seed, {.shards = 1, .faults = faults_of(seed)}) {
    connect(simulation_.shard(0), simulation_.network().connected_pair());
  }
  ~Simulated() override {
    disconnect();
    CHECK(simulation_.run_until_quiet());
    CHECK(simulation_.clean());
  }

 private:
  bool run_until(const std::function<bool()>& done) override { return simulation_.run_until(done); }

  Simulation simulation_;
};

}  // namespace

bool Wire::simulated() { return wanted() == "simulated"; }

void Wire::set_seed(std::uint64_t seed) noexcept { seed_of_next = seed; }

std::unique_ptr<Wire> Wire::make() {
  if (simulated()) return std::make_unique<Simulated>(seed_of_next);
  if (wanted() == "sockets") return std::make_unique<Sockets>();
  REQUIRE_MESSAGE(wanted().empty(), "RINGRPC_WIRE is sockets or simulated, not ", std::string(wanted()));
  return nullptr;
}

Wire::~Wire() = default;

void Wire::connect(Shard& shard, std::pair<UniqueFd, UniqueFd> ends) {
  client_ = std::make_unique<Peer>(shard, std::move(ends.first));
  server_ = std::make_unique<Peer>(shard, std::move(ends.second));
  client_->start();
  server_->start();
}

void Wire::disconnect() noexcept {
  client_.reset();
  server_.reset();
}

bool Wire::carry(std::string_view bytes, Role to, const Take& take) {
  Peer& sender = to == Role::server ? *client_ : *server_;
  Peer& receiver = to == Role::server ? *server_ : *client_;
  std::size_t arrived = 0;
  bool well = true;
  receiver.on_event = [&] {
    const std::string piece = std::exchange(receiver.received, {});
    arrived += piece.size();
    well = well && take(piece);
  };
  sender.send(bytes);
  REQUIRE(run_until([&] { return arrived == bytes.size() && sender.unsent_bytes() == 0; }));
  receiver.on_event = nullptr;
  return well;
}

}  // namespace ringrpc::http2::test
