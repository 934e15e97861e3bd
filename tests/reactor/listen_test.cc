// Listening, accepting and connecting over TCP and unix sockets.
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "io_fixture.h"

using namespace ringrpc;
using namespace ringrpc::test;

namespace {

/// The exit status of `body` in a child process, which may spoil its own limits.
template <class Body>
int in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

std::uint16_t port_of(const SocketAddress& address) {
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

/// The kernel takes the limit down when an accept is armed, so this comes before the listener.
void lower_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = 64;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::vector<UniqueFd> all_descriptors() {
  std::vector<UniqueFd> hoard;
  for (int fd; (fd = ::dup(0)) >= 0;) hoard.emplace_back(fd);
  return hoard;
}

bool exists(const std::string& path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}

}  // namespace

TEST_CASE("A client and a server meet over TCP, and exchange bytes") {
  Shard shard(0, uring());
  Accepted accepted;
  auto acceptor = shard.io().listen(loopback(), 16, accepted);
  REQUIRE(acceptor);
  const SocketAddress address = (*acceptor)->address();
  CHECK(port_of(address) != 0);
  Connected connected;
  const auto connector = shard.io().connect(address, connected);
  CHECK(!connected.outcome);
  REQUIRE(turn_until(shard, [&] { return connected.outcome && accepted.connections.size() == 1; }));
  CHECK(*connected.outcome == 0);
  End client(shard.io().adopt(std::move(connected.connection)));
  End server(shard.io().adopt(std::move(accepted.connections[0])));
  CHECK(port_of(client.stream->peer()) == port_of(address));
  int no_delay = 0;
  socklen_t length = sizeof no_delay;
  ::getsockopt(server.stream->descriptor(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &length);
  CHECK(no_delay == 1);
  client.stream->send(chain_of(shard, "ping"));
  server.when_received = [&] { server.stream->send(chain_of(shard, "pong")); };
  REQUIRE(turn_until(shard, [&] { return client.received == "pong"; }));
}

TEST_CASE("One acceptor takes any number of connections") {
  Shard shard(0, uring());
  Accepted accepted;
  auto acceptor = shard.io().listen(loopback(), 64, accepted);
  REQUIRE(acceptor);
  std::vector<std::unique_ptr<Connected>> clients;
  std::vector<std::unique_ptr<Connector>> connectors;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<Connected>());
    connectors.push_back(shard.io().connect((*acceptor)->address(), *clients.back()));
  }
  REQUIRE(turn_until(shard, [&] { return accepted.connections.size() == 50; }));
  CHECK(accepted.errors.empty());
}

TEST_CASE("An address in use is refused with the system call and the cause") {
  Shard shard(0, uring());
  Accepted accepted;
  auto acceptor = shard.io().listen(loopback(), 16, accepted);
  REQUIRE(acceptor);
  auto second = shard.io().listen((*acceptor)->address(), 16, accepted);
  REQUIRE(!second);
  CHECK(second.error().code() == Code::ALREADY_EXISTS);
  CHECK(second.error().message() == "bind: address already in use");
}

TEST_CASE("A port can be listened on again at once, though connections of the earlier listener linger") {
  Shard shard(0, uring());
  Accepted accepted;
  auto acceptor = shard.io().listen(loopback(), 16, accepted);
  REQUIRE(acceptor);
  const SocketAddress address = (*acceptor)->address();
  Connected connected;
  const auto connector = shard.io().connect(address, connected);
  REQUIRE(turn_until(shard, [&] { return connected.outcome && accepted.connections.size() == 1; }));
  accepted.connections.clear();  // this end closes first and waits out its TIME_WAIT
  acceptor->reset();
  settle(shard);
  CHECK(shard.io().listen(address, 16, accepted).has_value());
}

TEST_CASE("A connection that nobody listens for is refused, through the handler") {
  Shard shard(0, uring());
  Accepted accepted;
  auto acceptor = shard.io().listen(loopback(), 16, accepted);
  REQUIRE(acceptor);
  const SocketAddress address = (*acceptor)->address();
  acceptor->reset();
  settle(shard);
  Connected connected;
  const auto connector = shard.io().connect(address, connected);
  REQUIRE(turn_until(shard, [&] { return connected.outcome.has_value(); }));
  CHECK(*connected.outcome == ECONNREFUSED);
  CHECK(!connected.connection);
}

TEST_CASE("A failure that connect(2) knows at once comes through the handler too") {
  Shard shard(0, uring());
  TemporaryDirectory directory;
  Connected connected;
  const auto connector = shard.io().connect(unix_path(directory.file("nobody.sock")), connected);
  CHECK(!connected.outcome);
  REQUIRE(turn_until(shard, [&] { return connected.outcome.has_value(); }));
  CHECK(*connected.outcome == ENOENT);
}

TEST_CASE("A connect that was given up tells its handler nothing") {
  Shard shard(0, uring());
  Accepted accepted;
  auto acceptor = shard.io().listen(loopback(), 16, accepted);
  REQUIRE(acceptor);
  for (int turns = 0; turns < 2; ++turns) {
    Connected connected;
    auto connector = shard.io().connect((*acceptor)->address(), connected);
    for (int i = 0; i < turns; ++i) shard.io().wait(Instant::min());
    connector.reset();
    settle(shard);
    CHECK(!connected.outcome);
  }
}

TEST_CASE("An acceptor may be destroyed in its handler, and takes nothing after that") {
  struct Once final : Acceptor::Handler {
    void on_accepted(UniqueFd) override {
      ++count;
      acceptor.reset();
    }
    void on_accept_error(int) override {}
    std::unique_ptr<Acceptor> acceptor;
    int count = 0;
  };
  Shard shard(0, uring());
  Once once;
  auto acceptor = shard.io().listen(loopback(), 16, once);
  REQUIRE(acceptor);
  once.acceptor = *std::move(acceptor);
  const SocketAddress address = once.acceptor->address();
  std::vector<Connecting> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(start_connect(address));
  REQUIRE(turn_until(shard, [&] { return once.count > 0; }));
  settle(shard);
  CHECK(once.count == 1);
  // The others are not left hanging.
  for (Connecting& client : clients) {
    char got = 0;
    ssize_t result = 0;
    REQUIRE(turn_until(shard,
                       [&] { return (result = ::read(client.fd.get(), &got, 1)) != -1 || errno != EAGAIN; }));
    CHECK(result <= 0);
  }
}

TEST_CASE("A unix socket's file appears with the listener and goes with it") {
  Shard shard(0, uring());
  TemporaryDirectory directory;
  const std::string path = directory.file("a.sock");
  Accepted accepted;
  auto acceptor = shard.io().listen(unix_path(path), 16, accepted);
  REQUIRE(acceptor);
  CHECK(exists(path));
  Connected connected;
  const auto connector = shard.io().connect(unix_path(path), connected);
  REQUIRE(turn_until(shard, [&] { return connected.outcome && accepted.connections.size() == 1; }));
  CHECK(*connected.outcome == 0);
  End server(shard.io().adopt(std::move(accepted.connections[0])));
  CHECK(server.stream->peer().family() == AF_UNSPEC);
  acceptor->reset();
  CHECK(!exists(path));
}

TEST_CASE("A socket file that nobody listens on is replaced; one in use and one that is no socket stay") {
  Shard shard(0, uring());
  TemporaryDirectory directory;
  const std::string path = directory.file("a.sock");
  Accepted accepted;
  SUBCASE("left behind by a server that died") {
    {
      const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
      const SocketAddress address = unix_path(path);
      REQUIRE(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0);
    }
    CHECK(shard.io().listen(unix_path(path), 16, accepted).has_value());
  }
  SUBCASE("in use") {
    auto first = shard.io().listen(unix_path(path), 16, accepted);
    REQUIRE(first);
    const auto second = shard.io().listen(unix_path(path), 16, accepted);
    REQUIRE(!second);
    CHECK(second.error().code() == Code::ALREADY_EXISTS);
    CHECK(exists(path));
  }
  SUBCASE("a file of somebody's") {
    REQUIRE(::close(::creat(path.c_str(), 0600)) == 0);
    const auto refused = shard.io().listen(unix_path(path), 16, accepted);
    REQUIRE(!refused);
    CHECK(refused.error().message() == "bind: address already in use");
    CHECK(exists(path));
  }
}

TEST_CASE("A socket file that another server has put in place of ours is not removed with ours") {
  Shard shard(0, uring());
  TemporaryDirectory directory;
  const std::string path = directory.file("a.sock");
  Accepted accepted;
  auto first = shard.io().listen(unix_path(path), 16, accepted);
  REQUIRE(first);
  std::filesystem::rename(path, directory.file("old.sock"));
  auto second = shard.io().listen(unix_path(path), 16, accepted);
  REQUIRE(second);
  first->reset();
  CHECK(exists(path));
}

TEST_CASE("A path that cannot be bound is refused with its cause") {
  Shard shard(0, uring());
  Accepted accepted;
  const auto refused = shard.io().listen(unix_path("/nonexistent/a.sock"), 16, accepted);
  REQUIRE(!refused);
  CHECK(refused.error().code() == Code::NOT_FOUND);
  CHECK(refused.error().message() == "bind: no such file or directory");
}

TEST_CASE(
    "Without a descriptor left, clients are turned away, the cause is told, and service goes on afterwards") {
  const int failed_step = in_child([] {
    lower_descriptor_limit();
    Shard shard(0, uring());
    Accepted accepted;
    auto acceptor = shard.io().listen(loopback(), 16, accepted);
    if (!acceptor) return 1;
    // The clients' descriptors exist before the limit is reached.
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 4; ++i) clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const UniqueFd last_client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    shard.turn(false);

    std::vector<UniqueFd> hoard = all_descriptors();

    const SocketAddress address = (*acceptor)->address();
    const auto* to = reinterpret_cast<const sockaddr*>(&address.storage);
    for (UniqueFd& client : clients)
      if (::connect(client.get(), to, address.length) != 0) return 2;
    if (!turn_until(shard, [&] { return !accepted.errors.empty(); })) return 3;
    if (accepted.errors[0] != EMFILE || !accepted.connections.empty()) return 4;
    for (UniqueFd& client : clients) {
      char got = 0;
      if (::recv(client.get(), &got, 1, 0) > 0) return 5;  // closed, not left in the queue
    }
    hoard.clear();
    if (::connect(last_client.get(), to, address.length) != 0) return 6;
    if (!turn_until(shard, [&] { return !accepted.connections.empty(); })) return 7;
    return 0;
  });
  CHECK(failed_step == 0);
}

TEST_CASE("An acceptor may be destroyed while it waits for descriptors") {
  const int failed_step = in_child([] {
    lower_descriptor_limit();
    Shard shard(0, uring());
    Accepted accepted;
    auto acceptor = shard.io().listen(loopback(), 16, accepted);
    const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    shard.turn(false);
    std::vector<UniqueFd> hoard = all_descriptors();
    const SocketAddress address = (*acceptor)->address();
    if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0)
      return 1;
    if (!turn_until(shard, [&] { return !accepted.errors.empty(); })) return 2;
    acceptor->reset();
    settle(shard);
    return accepted.errors.size() == 1 ? 0 : 3;
  });
  CHECK(failed_step == 0);
}
