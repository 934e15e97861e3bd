// Random data through an echo server on a faulty network: it arrives unchanged, or as a prefix followed by an
// error.
#include <arpa/inet.h>
#include <cerrno>
#include <doctest/doctest.h>
#include <list>
#include <netinet/in.h>
#include <random>
#include <set>

#include "reactor/peer.h"
#include "testing/simulation.h"

using namespace std::literals;

namespace ringrpc {
namespace {

constexpr unsigned clients = 3;
constexpr unsigned shard_count = 3;
#ifdef RINGRPC_SANITIZED
constexpr unsigned seeds = 200;  // each takes ten times as long
#else
constexpr unsigned seeds = 1000;
#endif

SocketAddress server_address() {
  SocketAddress address;
  auto& in = reinterpret_cast<sockaddr_in&>(address.storage);
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  in.sin_port = htons(7);
  address.length = sizeof in;
  return address;
}

/// Accepts on one shard and echoes on all. It stops reading while it cannot echo.
class EchoServer final : Acceptor::Handler {
 public:
  explicit EchoServer(Simulation& simulation) : simulation_(simulation) {
    auto acceptor = simulation.shard(0).io().listen(server_address(), 2, *this);
    REQUIRE(acceptor);
    acceptor_ = std::move(*acceptor);
  }

 private:
  static constexpr std::size_t unsent_bytes_max = 20'000;

  void on_accepted(UniqueFd connection) override {
    Shard& shard = simulation_.shard(next_shard_++ % shard_count);
    shard.post([this, &shard, alive = std::weak_ptr(alive_), fd = std::move(connection)]() mutable {
      if (alive.expired()) return;
      Peer& peer = connections_.emplace_back(shard, std::move(fd));
      peer.on_event = [this, &peer, at = std::prev(connections_.end())] { echo(peer, at); };
      peer.start();
    });
  }
  void on_accept_error(int error) override { CHECK((error == EMFILE || error == ENFILE)); }

  void echo(Peer& peer, std::list<Peer>::iterator at) {
    peer.send(std::exchange(peer.received, {}));
    peer.unsent_bytes() > unsent_bytes_max ? peer.pause() : peer.resume();
    if (peer.ended) peer.finish();
    if (peer.send_error || (peer.ended && peer.finished())) connections_.erase(at);
  }

  Simulation& simulation_;
  std::list<Peer> connections_;
  unsigned next_shard_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>();  // mail may come after the server
  std::unique_ptr<Acceptor> acceptor_;
};

/// Sends random bytes in pieces, sometimes stops reading for a while, and ends when it has its echo or an
/// error.
class EchoClient final : Connector::Handler, Timer {
 public:
  EchoClient(Simulation& simulation, unsigned index)
      : network_(simulation.network()), shard_(simulation.shard(index % shard_count)) {
    sent_.resize(network_.random_below(120'000));
    std::minstd_rand bytes(static_cast<unsigned>(network_.random_below(1 << 30)));
    for (char& c : sent_) c = static_cast<char>(bytes());
    connect();
  }

  bool done() const noexcept { return done_; }
  bool failed() const noexcept { return failed_; }

 private:
  void connect() { connector_ = shard_.io().connect(server_address(), *this); }

  void on_connected(UniqueFd connection, int error) override {
    if (error != 0) {
      CHECK(error == ECONNREFUSED);
      return connect();
    }
    peer_.emplace(shard_, std::move(connection));
    peer_->on_event = [this] { on_event(); };
    peer_->start();
    send_piece();
  }

  void send_piece() {
    const std::size_t left = sent_.size() - given_;
    const std::size_t piece = std::min<std::size_t>(left, 1 + network_.random_below(40'000));
    peer_->send(std::string_view(sent_).substr(given_, piece));
    given_ += piece;
    if (given_ == sent_.size()) peer_->finish();
  }

  void on_event() {
    if (peer_->ended || peer_->send_error) return end();
    if (peer_->unsent_bytes() == 0 && given_ < sent_.size()) send_piece();
    if (!armed() && network_.random_below(10) == 0) {
      peer_->pause();
      shard_.timers().arm(*this, after(shard_.now(), Nanoseconds(network_.random_below(20'000'000))));
    }
  }

  void on_time() override {
    if (peer_) peer_->resume();
  }

  void end() {
    done_ = true;
    failed_ = peer_->ended != 0 || peer_->send_error;
    if (failed_) {
      CHECK(sent_.starts_with(peer_->received));
      CHECK(network_.fault_counts().resets > 0);
    } else {
      CHECK(peer_->received == sent_);
    }
    peer_.reset();
    cancel();
  }

  SimulatedNetwork& network_;
  Shard& shard_;
  std::string sent_;
  std::size_t given_ = 0;
  bool done_ = false;
  bool failed_ = false;
  std::optional<Peer> peer_;
  std::unique_ptr<Connector> connector_;
};

/// Each fault absent, rare or frequent, by the seed.
Faults random_faults(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto one_of = [&](double rare, double frequent) {
    const double choices[] = {0, rare, frequent};
    return choices[random() % 3];
  };
  return {.short_read = one_of(0.05, 0.9),
          .short_write = one_of(0.05, 0.9),
          .delay = one_of(0.05, 0.9),
          .reset = one_of(0.001, 0.05),
          .no_buffers = one_of(0.05, 0.5),
          .accept_failure = one_of(0.1, 0.7),
          .refuse = one_of(0.1, 0.7),
          .socket_buffer_bytes = std::size_t{1} << (8 + random() % 9),
          .descriptors_max = random() % 4 == 0 ? std::size_t{7} : 1000};
}

struct Outcome {
  std::uint64_t trace;
  FaultCounts faults;
  unsigned failed = 0;
};

Outcome run_echo(std::uint64_t seed) {
  CAPTURE(seed);
  Simulation simulation(seed, {.shards = shard_count, .faults = random_faults(seed)});
  Outcome outcome;
  {
    EchoServer server(simulation);
    std::list<EchoClient> running;
    for (unsigned i = 0; i < clients; ++i) running.emplace_back(simulation, i);
    const auto all_done = [&] {
      return std::all_of(running.begin(), running.end(),
                         [](const EchoClient& client) { return client.done(); });
    };
    CHECK(simulation.run_until(all_done, 24h));
    for (const EchoClient& client : running) outcome.failed += client.failed();
  }
  CHECK(simulation.run_until_quiet());
  CHECK(simulation.clean());
  outcome.trace = simulation.network().trace();
  outcome.faults = simulation.network().fault_counts();
  return outcome;
}

TEST_CASE("an echo survives every fault of the network or reports an error") {
  FaultCounts total;
  unsigned failed = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const Outcome outcome = run_echo(seed);
    failed += outcome.failed;
    total.short_reads += outcome.faults.short_reads;
    total.short_writes += outcome.faults.short_writes;
    total.delays += outcome.faults.delays;
    total.resets += outcome.faults.resets;
    total.no_buffers += outcome.faults.no_buffers;
    total.accept_failures += outcome.faults.accept_failures;
    total.refusals += outcome.faults.refusals;
  }
  MESSAGE(failed << " of " << seeds * clients << " connections were lost to resets");
  CHECK(failed > seeds / 20);
  CHECK(failed < seeds * 5 / 2);
  for (const std::uint64_t count : {total.short_reads, total.short_writes, total.delays, total.resets,
                                    total.no_buffers, total.accept_failures, total.refusals})
    CHECK(count > seeds / 10);
}

TEST_CASE("the same seed gives the same run, another seed another") {
  std::set<std::uint64_t> traces;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::uint64_t trace = run_echo(seed).trace;
    CHECK(run_echo(seed).trace == trace);
    traces.insert(trace);
  }
  CHECK(traces.size() == 20);
}

}  // namespace
}  // namespace ringrpc
