// Spinning before sleeping: when it is tried, what it costs, and that nothing is missed.
#include "reactor/spin.h"

#include <doctest/doctest.h>
#include <thread>

#include "io_fixture.h"
#include "reactor/cpus.h"
#include "reactor/shards.h"

using namespace ringrpc;
using namespace ringrpc::test;
using namespace std::chrono_literals;

namespace {

/// A backend whose clock advances by a microsecond with each reading, and whose events come at set times.
class Scripted final : public Io {
 public:
  explicit Scripted(Nanoseconds wanted) : gap(wanted), next_(after(now_, wanted)) {}

  std::string_view name() const noexcept override { return "scripted"; }
  Instant now() const noexcept override { return now_ += 1us; }
  Result<std::unique_ptr<Acceptor>> listen(const SocketAddress&, int, Acceptor::Handler&) override {
    return fail(Code::UNIMPLEMENTED, "");
  }
  Result<std::unique_ptr<Acceptor>> listen(UniqueFd, Acceptor::Handler&) override {
    return fail(Code::UNIMPLEMENTED, "");
  }
  std::unique_ptr<Connector> connect(const SocketAddress&, Connector::Handler&) override { return nullptr; }
  SocketAddress peer(const UniqueFd&) const override { return {}; }
  std::unique_ptr<ByteStream> adopt(UniqueFd) override { return nullptr; }
  bool wait(Instant until) override {
    ++waits;
    if (until > now_) {
      ++sleeps;
      now_ = std::min(until, next_);
    }
    if (now_ < next_) return false;
    next_ = after(now_, gap);
    ++arrived;
    return true;
  }
  bool dispatch(Instant) override { return true; }
  void wake() noexcept override {}

  Nanoseconds gap;  ///< from one to the next
  int waits = 0;
  int sleeps = 0;
  int arrived = 0;

 private:
  mutable Instant now_{1h};
  Instant next_;
};

/// A shard on a scripted backend.
struct Scene {
  explicit Scene(Nanoseconds gap, Nanoseconds budget = 50us) {
    auto owned = std::make_unique<Scripted>(gap);
    io = owned.get();
    shard.emplace(0, std::move(owned), budget);
  }
  void serve(int arrivals) {
    for (const int end = io->arrived + arrivals; io->arrived < end;) shard->turn();
  }
  const Spin::Counters& spun() const { return shard->spin().counters(); }

  Scripted* io = nullptr;
  std::optional<Shard> shard;
};

}  // namespace

TEST_CASE("a shard without a budget sleeps at once") {
  Scene scene(20us, 0us);
  scene.serve(100);
  CHECK(scene.spun().tried == 0);
  CHECK(scene.io->sleeps == 100);
  CHECK(scene.io->waits == 100);
}

TEST_CASE("an event within the budget is taken while spinning, each time") {
  Scene scene(20us);
  scene.serve(100);
  CHECK(scene.io->sleeps == 0);
  CHECK(scene.spun().tried == 100);
  CHECK(scene.spun().paid == 100);
}

TEST_CASE("events later than the budget are slept for, with ever rarer spins") {
  Scene scene(1ms);
  scene.serve(100'000);
  CHECK(scene.spun().paid == 0);
  CHECK(scene.spun().tried < 120);
  CHECK(scene.io->sleeps == 100'000);
}

TEST_CASE("an idle shard spins once and sleeps") {
  Scene scene(24h);
  for (int i = 0; i < 10; ++i) scene.shard->turn(true, after(scene.io->now(), 1h));
  CHECK(scene.spun().tried <= 4);
  CHECK(scene.io->sleeps == 10);
}

TEST_CASE("when requests become faster, spinning resumes") {
  Scene scene(1ms);
  scene.serve(100'000);
  scene.io->gap = 20us;
  scene.serve(2 * static_cast<int>(Spin::pass_max));
  const int before = scene.io->sleeps;
  scene.serve(100);
  CHECK(scene.io->sleeps == before);
}

TEST_CASE("a due timer ends a spin in time and does not count for or against spinning") {
  struct Due final : Timer {
    void on_time() override { rung = true; }
    bool rung = false;
  };
  Scene scene(24h, 5ms);
  Due due;
  const Instant when = after(scene.io->now(), 2ms);
  scene.shard->timers().arm(due, when);
  while (!due.rung) scene.shard->turn();
  CHECK(scene.io->now() < after(when, 2ms));
  CHECK(scene.spun().tried == 0);
}

TEST_CASE("mail and completions reach a shard that spins, on every backend") {
  for (const IoBackend backend : kernel_backends()) {
    Shard left(0, kernel_io({}, backend), 1ms);
    Shard right(1, kernel_io({}, backend), 1ms);
    auto [near, far] = socket_pair();
    End client(left.io().adopt(std::move(near)));
    End server(right.io().adopt(std::move(far)));
    constexpr std::size_t rounds = 300;
    server.when_received = [&] { server.stream->send(chain_of(right, "x")); };
    client.when_received = [&] {  // over the wire there and back, then by mail
      if (client.received.size() == rounds) {
        right.post([&] { left.stop(), right.stop(); });
      } else {
        right.post([&] { left.post([&] { client.stream->send(chain_of(left, "x")); }); });
      }
    };
    left.post([&] { client.stream->send(chain_of(left, "x")); });
    std::jthread other([&] { right.run(); });
    left.run();
    other.join();
    CHECK(client.received.size() == rounds);
    CHECK(left.spin().counters().tried > 0);
  }
}

TEST_CASE("shards that never sleep need a core each, and its time") {
  CHECK(have_cores(2, 2, std::nullopt));
  CHECK_FALSE(have_cores(3, 2, std::nullopt));
  CHECK(have_cores(2, 4, 2.0));
  CHECK_FALSE(have_cores(2, 4, 1.5));
}

TEST_CASE("more shards than cores do not spin") {
  const auto cores = static_cast<unsigned>(allowed_cpus().size());
  const auto small = [] { return Result<std::unique_ptr<Io>>(kernel_io({.receive_buffers = 1})); };
  for (const unsigned count : {cores, cores + 1}) {
    const auto shards = Shards::start(count, small, 50us);
    REQUIRE(shards);
    const bool spins = (*shards)->all().front()->spin().budget() > 0us;
    CHECK(spins == have_cores(count, cores, cpu_quota()));
  }
}
