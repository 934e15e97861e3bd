// Listening, accepting and connecting over TCP and unix sockets.
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>

#include "io_fixture.h"

using namespace ringrpc;
using namespace ringrpc::test;

namespace {

/// The exit status of `body` in a child process, whose limits it may change.
template <class Body>
int status_of_child(Body body) {
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

/// The cause of the lack of descriptors.
enum class Shortage {
  of_the_accept,  ///< only io_uring's accept has none: it reads the limit when it is armed
  of_all,         ///< the process has none
};

void limit_descriptors(rlim_t count) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = count;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// A listener that cannot accept its four waiting clients, and a fifth client that connects later.
struct Short {
  explicit Short(Shortage shortage) : shard(0, kernel_io()) {
    for (int i = 0; i < 5; ++i) clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    acceptor = shard.io().listen(UniqueFd(::dup(listening.get())), accepted).value();
    limit_descriptors(64);
    if (shortage == Shortage::of_the_accept) {
      connect_four();
      limit_descriptors(3);
      shard.io().wait(Instant::min());
      limit_descriptors(64);
    } else {
      shard.turn(false);
      for (int fd; (fd = ::dup(0)) >= 0;) hoard.emplace_back(fd);
      connect_four();
    }
  }

  void connect_four() {
    for (std::size_t i = 0; i < 4; ++i) REQUIRE(connect(clients[i]));
    while (waiting() < 4)
      std::this_thread::yield();  // a client may know of its connection before the listener
  }
  /// The number of clients in the listener's queue.
  unsigned waiting() const {
    tcp_info info{};
    socklen_t length = sizeof info;
    REQUIRE(::getsockopt(listening.get(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
    return info.tcpi_unacked;
  }
  bool connect(const UniqueFd& client) const {
    const SocketAddress address = acceptor->address();
    return ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0;
  }

  Shard shard;
  Accepted accepted;
  UniqueFd listening = std::move(open_listener(loopback(), 16).value().fd);
  std::unique_ptr<Acceptor> acceptor;
  std::vector<UniqueFd> clients;
  std::vector<UniqueFd> hoard;
};

/// Runs `scenario` in a child with each shortage and returns the step that failed. The milder shortage comes
/// first, because the undefined behaviour sanitizer needs descriptors when it sees a type for the first time.
int failed_step(int (*scenario)(Shortage)) {
  return status_of_child([&] {
    const bool ring = backend_under_test() == IoBackend::uring;
    const int failed = ring ? scenario(Shortage::of_the_accept) : 0;
    return failed != 0 ? failed : scenario(Shortage::of_all);
  });
}

/// True if the client finds its connection closed, without another turn of the shard.
bool is_closed(const UniqueFd& client) {
  constexpr int timeout_ms = 300'000;
  pollfd wait{.fd = client.get(), .events = POLLIN, .revents = 0};
  char byte = 0;
  return ::poll(&wait, 1, timeout_ms) == 1 && ::recv(client.get(), &byte, 1, MSG_DONTWAIT) <= 0;
}

int turn_away_then_serve(Shortage shortage) {
  Short scene(shortage);
  if (!turn_until(scene.shard, [&] { return !scene.accepted.errors.empty(); })) return 2;
  if (scene.accepted.errors[0] != EMFILE || !scene.accepted.connections.empty()) return 3;
  for (std::size_t i = 0; i < 4; ++i)
    if (!is_closed(scene.clients[i])) return 4;  // but left in the queue
  scene.hoard.clear();
  if (!scene.connect(scene.clients[4])) return 5;
  return turn_until(scene.shard, [&] { return !scene.accepted.connections.empty(); }) ? 0 : 6;
}

int destroy_in_shortage(Shortage shortage) {
  Short scene(shortage);
  if (!turn_until(scene.shard, [&] { return !scene.accepted.errors.empty(); })) return 2;
  scene.acceptor.reset();
  settle(scene.shard);
  return scene.accepted.errors.size() == 1 ? 0 : 3;
}

bool exists(const std::string& path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}

}  // namespace

TEST_CASE("a client and a server meet over TCP, and exchange bytes") {
  Shard shard(0, kernel_io());
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
  for (const ByteStream* end : {client.stream.get(), server.stream.get()}) {
    int keepalive = 0;
    ::getsockopt(end->descriptor(), SOL_SOCKET, SO_KEEPALIVE, &keepalive, &length);
    CHECK(keepalive == 1);
  }
  client.stream->send(chain_of(shard, "ping"));
  server.when_received = [&] { server.stream->send(chain_of(shard, "pong")); };
  REQUIRE(turn_until(shard, [&] { return client.received == "pong"; }));
}

TEST_CASE("one acceptor takes any number of connections") {
  Shard shard(0, kernel_io());
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

TEST_CASE("an address in use is refused with the system call and the cause") {
  Shard shard(0, kernel_io());
  Accepted accepted;
  auto acceptor = shard.io().listen(loopback(), 16, accepted);
  REQUIRE(acceptor);
  auto second = shard.io().listen((*acceptor)->address(), 16, accepted);
  REQUIRE(!second);
  CHECK(second.error().code() == Code::ALREADY_EXISTS);
  CHECK(second.error().message() == "bind: address already in use");
}

TEST_CASE("a port can be listened on again at once, though connections of the earlier listener linger") {
  Shard shard(0, kernel_io());
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

TEST_CASE("a socket that listens already is accepted on, with the options of one of ours") {
  Shard shard(0, kernel_io());
  Accepted accepted;
  UniqueFd open(::socket(AF_INET, SOCK_STREAM, 0));
  const SocketAddress any_port = loopback();
  REQUIRE(::bind(open.get(), reinterpret_cast<const sockaddr*>(&any_port.storage), any_port.length) == 0);
  REQUIRE(::listen(open.get(), 16) == 0);
  auto acceptor = shard.io().listen(std::move(open), accepted);
  REQUIRE(acceptor);
  Connected connected;
  const auto connector = shard.io().connect((*acceptor)->address(), connected);
  REQUIRE(turn_until(shard, [&] { return connected.outcome && accepted.connections.size() == 1; }));
  CHECK(*connected.outcome == 0);
  int no_delay = 0;
  socklen_t length = sizeof no_delay;
  ::getsockopt(accepted.connections[0].get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &length);
  CHECK(no_delay == 1);
}

TEST_CASE("a descriptor that is not a listening stream socket is refused") {
  Shard shard(0, kernel_io());
  Accepted accepted;
  const auto refusal = [&](const UniqueFd& fd) {  // which stays open
    const auto refused = shard.io().listen(UniqueFd(fd.get()), accepted);
    return refused ? std::string() : refused.error().to_string();
  };
  const std::string silent = "FAILED_PRECONDITION: it is a socket that does not listen";
  CHECK(refusal(UniqueFd(::socket(AF_INET, SOCK_STREAM, 0))) == silent);
  CHECK(refusal(socket_pair().first) == silent);
  CHECK(refusal(UniqueFd(::socket(AF_INET, SOCK_DGRAM, 0))) ==
        "FAILED_PRECONDITION: it is not a stream socket");
  CHECK(refusal(UniqueFd(::open("/dev/null", O_RDONLY))) == "FAILED_PRECONDITION: it is not a socket");
  CHECK(refusal(UniqueFd(1000)) == "FAILED_PRECONDITION: it is not open");
}

TEST_CASE("a connect without a listener is refused, through the handler") {
  Shard shard(0, kernel_io());
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

/// A listening socket made by another party.
UniqueFd foreign_listener() {
  auto made = open_listener(loopback(), 16);
  REQUIRE(made);
  return std::move(made->fd);
}

bool listens(const UniqueFd& socket) {
  int on = 0;
  socklen_t length = sizeof on;
  REQUIRE(::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &on, &length) == 0);
  return on != 0;
}

TEST_CASE("a shared socket continues to listen after its acceptor is destroyed") {
  for (const IoBackend backend : kernel_backends()) {
    Shard shard(0, kernel_io({}, backend));
    const UniqueFd theirs = foreign_listener();
    Accepted accepted;
    auto acceptor = shard.io().listen(UniqueFd(::dup(theirs.get())), accepted);
    REQUIRE(acceptor);
    settle(shard);
    acceptor->reset();
    settle(shard);
    CHECK(listens(theirs));
    Connected connected;
    const auto connector = shard.io().connect(local_address(theirs.get()), connected);
    REQUIRE(turn_until(shard, [&] { return connected.outcome.has_value(); }));
    CHECK(*connected.outcome == 0);
  }
}

TEST_CASE("a socket shut down by others fails from time to time and affects nothing else") {
  for (const IoBackend backend : kernel_backends()) {
    Shard shard(0, kernel_io({}, backend));
    const UniqueFd theirs = foreign_listener();
    Accepted accepted;
    const auto acceptor = shard.io().listen(UniqueFd(::dup(theirs.get())), accepted);
    REQUIRE(acceptor);
    settle(shard);
    ::shutdown(theirs.get(), SHUT_RDWR);
    REQUIRE(turn_until(shard, [&] { return accepted.errors.size() >= 2; }));
    for (int turn = 0; turn < 100; ++turn) shard.turn(false);
    CHECK(accepted.errors.size() < 10);
  }
}

TEST_CASE("a descriptor that cannot be listened on is refused and left open") {
  Shard shard(0, kernel_io());
  const UniqueFd file(::open("/dev/null", O_RDONLY));
  Accepted accepted;
  CHECK_FALSE(shard.io().listen(UniqueFd(file.get()), accepted));
  CHECK(::fcntl(file.get(), F_GETFD) != -1);
}

TEST_CASE("a failure that connect(2) knows at once comes through the handler too") {
  Shard shard(0, kernel_io());
  TemporaryDirectory directory;
  Connected connected;
  const auto connector = shard.io().connect(unix_path(directory.file("nobody.sock")), connected);
  CHECK(!connected.outcome);
  REQUIRE(turn_until(shard, [&] { return connected.outcome.has_value(); }));
  CHECK(*connected.outcome == ENOENT);
}

TEST_CASE("a cancelled connect does not call its handler") {
  Shard shard(0, kernel_io());
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

TEST_CASE("an acceptor may be destroyed in its handler, and takes nothing after that") {
  struct Once final : Acceptor::Handler {
    void on_accepted(UniqueFd) override {
      ++count;
      acceptor.reset();
    }
    void on_accept_error(int) override {}
    std::unique_ptr<Acceptor> acceptor;
    int count = 0;
  };
  Shard shard(0, kernel_io());
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

TEST_CASE("a unix socket's file appears with the listener and is removed with it") {
  Shard shard(0, kernel_io());
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
  CHECK(server.stream->peer().family() == AF_UNIX);
  acceptor->reset();
  CHECK(!exists(path));
}

TEST_CASE("a socket file without a listener is replaced; one in use, or another file, stays") {
  Shard shard(0, kernel_io());
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
  SUBCASE("another file") {
    REQUIRE(::close(::creat(path.c_str(), 0600)) == 0);
    const auto refused = shard.io().listen(unix_path(path), 16, accepted);
    REQUIRE(!refused);
    CHECK(refused.error().message() == "bind: address already in use");
    CHECK(exists(path));
  }
}

TEST_CASE("a socket file that another server has put in place of ours is not removed with ours") {
  Shard shard(0, kernel_io());
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

TEST_CASE("a path that cannot be bound is refused with its cause") {
  Shard shard(0, kernel_io());
  TemporaryDirectory directory;
  Accepted accepted;
  const auto refused = shard.io().listen(unix_path(directory.file("absent/a.sock")), 16, accepted);
  REQUIRE(!refused);
  CHECK(refused.error().code() == Code::NOT_FOUND);
  CHECK(refused.error().message() == "bind: no such file or directory");
}

TEST_CASE("without a free descriptor, clients are refused with a report, and service resumes afterwards") {
  CHECK(failed_step(turn_away_then_serve) == 0);
}

TEST_CASE("an acceptor may be destroyed while it waits for descriptors") {
  CHECK(failed_step(destroy_in_shortage) == 0);
}
