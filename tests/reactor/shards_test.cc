#include "reactor/shards.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <set>

#include "io_fixture.h"
#include "reactor/cpus.h"

using namespace ringrpc;
using namespace ringrpc::test;

namespace {

Result<std::unique_ptr<Io>> small_ring() {
  return kernel_io({.submissions = 8, .completions = 16, .receive_buffers = 1});
}

}  // namespace

TEST_CASE("each shard runs on a thread of its own and knows itself") {
  auto shards = Shards::start(3, small_ring);
  REQUIRE(shards);
  REQUIRE((*shards)->all().size() == 3);
  std::set<std::thread::id> threads;
  for (std::size_t i = 0; i < 3; ++i) {
    Shard& shard = *(*shards)->all()[i];
    std::promise<std::pair<std::thread::id, Shard*>> who;
    shard.post([&] { who.set_value({std::this_thread::get_id(), Shard::current()}); });
    const auto [thread, current] = who.get_future().get();
    CHECK(current == &shard);
    CHECK(shard.index() == i);
    threads.insert(thread);
  }
  CHECK(threads.size() == 3);
  CHECK(!threads.contains(std::this_thread::get_id()));
}

TEST_CASE("no count means one shard for each usable core") {
  auto shards = Shards::start(0, small_ring);
  REQUIRE(shards);
  CHECK((*shards)->all().size() == usable_cpu_count());
}

TEST_CASE("shards are pinned only if each core has one") {
  const std::size_t cores = allowed_cpus().size();
  const bool have_all = usable_cpu_count() == cores;
  for (const std::size_t count : {cores, cores - 1, cores + 1}) {
    if (count == 0) continue;
    CAPTURE(count);
    auto shards = Shards::start(static_cast<unsigned>(count), small_ring);
    REQUIRE(shards);
    for (Shard* shard : (*shards)->all()) {
      std::promise<std::size_t> allowed;
      shard->post([&] { allowed.set_value(allowed_cpus().size()); });
      CHECK(allowed.get_future().get() == (count == cores && have_all ? 1 : cores));
    }
  }
}

TEST_CASE("if one backend fails, nothing is started and its status is returned") {
  std::atomic<int> made = 0;
  const auto shards = Shards::start(3, [&]() -> Result<std::unique_ptr<Io>> {
    if (++made == 2) return fail(Code::PERMISSION_DENIED, "no ring for you");
    return small_ring();
  });
  REQUIRE(!shards);
  CHECK(shards.error().message() == "no ring for you");
  CHECK(made == 3);
}

TEST_CASE("shards that post to each other to the last stop cleanly") {
  for (int round = 0; round < 20; ++round) {
    auto shards = Shards::start(2, small_ring);
    REQUIRE(shards);
    Shard& left = *(*shards)->all()[0];
    Shard& right = *(*shards)->all()[1];
    std::function<void()> ping = [&] { right.post([&] { left.post([&] { ping(); }); }); };
    left.post([&] { ping(); });
    shards->reset();
  }
}

TEST_CASE("a connection accepted on one shard is served on another") {
  auto shards = Shards::start(2);
  REQUIRE(shards);
  Shard& acceptor_home = *(*shards)->all()[0];
  Shard& server_home = *(*shards)->all()[1];

  struct Server final : Acceptor::Handler {
    explicit Server(Shard& to) : home(to) {}
    void on_accepted(UniqueFd connection) override {
      home.post([this, connection = std::move(connection)]() mutable {
        end.emplace(home.io().adopt(std::move(connection)));
        end->when_received = [this] { end->stream->send(chain_of(home, end->received)); };
      });
    }
    void on_accept_error(int) override {}
    Shard& home;
    std::unique_ptr<Acceptor> acceptor;
    std::optional<End> end;
  };
  Server server(server_home);
  std::promise<SocketAddress> address;
  acceptor_home.post([&] {
    server.acceptor = acceptor_home.io().listen(loopback(), 16, server).value();
    address.set_value(server.acceptor->address());
  });
  const SocketAddress to = address.get_future().get();
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
  REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length) == 0);
  REQUIRE(::write(client.get(), "hello", 5) == 5);
  char got[5] = {};
  REQUIRE(::recv(client.get(), got, sizeof got, MSG_WAITALL) == 5);
  CHECK(std::string_view(got, 5) == "hello");
  std::promise<void> closed[2];
  acceptor_home.post([&] {
    server.acceptor.reset();
    closed[0].set_value();
  });
  server_home.post([&] {
    server.end.reset();
    closed[1].set_value();
  });
  for (std::promise<void>& one : closed) one.get_future().wait();
}
