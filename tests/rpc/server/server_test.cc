#include "ringrpc/server.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <doctest/doctest.h>
#include <latch>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include "http2/frames.h"
#include "reactor/posix_socket.h"
#include "rpc/server/raw_peer.h"
#include "rpc/server/raw_service.h"
#include "transport/address.h"

namespace ringrpc {
namespace {

/// A call over a socket of this process: sends the request, and reads until the response has come.
class BlockingCall {
 public:
  BlockingCall(const std::string& address, std::string_view path, std::string_view request) {
    const SocketAddress to = resolve(Address::parse(address).value()).value().front();
    fd_ = UniqueFd(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length) == 0);
    http2::test::Encoder encoder;
    const std::string sent =
        http2::test::in_order({std::string(http2::test::preface), http2::test::settings(),
                               http2::test::settings_ack(), encoder.headers(1, RawPeer::request_fields(path)),
                               http2::test::data(1, message(request), http2::test::end_stream)});
    REQUIRE(::send(fd_.get(), sent.data(), sent.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(sent.size()));
  }

  /// False when the connection ends before `text` has been received.
  bool receive(std::string_view text) {
    std::string received;
    char buffer[4096];
    while (received.find(text) == std::string::npos) {
      const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (got <= 0) return false;
      received.append(buffer, static_cast<std::size_t>(got));
    }
    return true;
  }

 private:
  UniqueFd fd_;
};

TEST_CASE("a drain without a limit waits for the last call") {
  RawService service;
  auto server = Server::start({&service}, {.listen = {"127.0.0.1:0"}, .shards = 1});
  REQUIRE_MESSAGE(server, server.error().to_string());
  bool answered = false;
  std::jthread client([&] {
    BlockingCall call((*server)->addresses().front(), "/test.v1.Raw/Sleep", "00000000000000000300");
    answered = call.receive(message("00000000000000000300"));
  });
  while ((*server)->counters().calls_started == 0) std::this_thread::yield();
  CHECK((*server)->drain(std::chrono::milliseconds::max()) == 0);
  client.join();
  CHECK(answered);
}

TEST_CASE("waiting ends when a drain has, on every thread that waits, and at once after it") {
  RawService service;
  auto server = Server::start({&service}, {.listen = {"127.0.0.1:0"}, .shards = 2});
  REQUIRE_MESSAGE(server, server.error().to_string());
  std::jthread client([&] {
    BlockingCall call((*server)->addresses().front(), "/test.v1.Raw/Sleep", "00000000000000000300");
    CHECK(call.receive(message("00000000000000000300")));
  });
  while ((*server)->counters().calls_started == 0) std::this_thread::yield();
  std::atomic<std::uint64_t> ended_early = 0;
  {
    std::vector<std::jthread> waiting;
    for (int at = 0; at < 3; ++at)
      waiting.emplace_back([&] {
        (*server)->wait();
        ended_early += (*server)->counters().calls_succeeded == 0;
      });
    CHECK((*server)->drain(std::chrono::minutes(5)) == 0);
  }
  CHECK(ended_early == 0);
  (*server)->wait();
}

TEST_CASE("a server that drains refuses connections, while it waits for its calls") {
  RawService service;
  auto server = Server::start({&service}, {.listen = {"127.0.0.1:0"}, .shards = 1});
  REQUIRE_MESSAGE(server, server.error().to_string());
  const std::string address = (*server)->addresses().front();
  BlockingCall call(address, "/test.v1.Raw/Sleep", "86400000");
  while (service.running == 0) std::this_thread::yield();
  const std::jthread drain([&] { (*server)->drain(std::chrono::minutes(5)); });
  REQUIRE(call.receive(std::string("\0\0\x08\x07", 4)));  // GOAWAY
  const SocketAddress to = resolve(Address::parse(address).value()).value().front();
  const UniqueFd fd(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHECK(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length) == -1);
  CHECK(errno == ECONNREFUSED);
  CHECK(service.running == 1);
  (*server)->drain(std::chrono::milliseconds(0));
}

TEST_CASE("a server may be destroyed as soon as waiting has ended") {
  for (int round = 0; round < 20; ++round) {
    RawService service;
    auto server = Server::start({&service}, {.listen = {"127.0.0.1:0"}, .shards = 1});
    REQUIRE_MESSAGE(server, server.error().to_string());
    Server& drained = **server;
    const std::jthread first([&] { drained.drain(std::chrono::minutes(5)); });
    drained.wait();
    server->reset();
  }
}

/// Records the arguments of `on_start`, which returns the given status.
class Starting final : public Service {
 public:
  explicit Starting(std::string_view name, Status outcome = {}) : name_(name), outcome_(std::move(outcome)) {}

  std::string_view service_name() const noexcept override { return name_; }
  std::span<const Method> service_methods() const noexcept override { return {}; }
  Status on_start(std::span<const Service* const> services) override {
    starts.emplace_back();
    for (const Service* const service : services) starts.back().emplace_back(service->service_name());
    return outcome_;
  }

  std::vector<std::vector<std::string>> starts;

 private:
  std::string_view name_;
  Status outcome_;
};

TEST_CASE("each service learns all services of a server that starts, in their order") {
  Starting first("test.v1.First");
  RawService raw;
  Starting last("test.v1.Last");
  using Names = std::vector<std::string>;
  const Names all = {"test.v1.First", "test.v1.Raw", "test.v1.Last"};
  const ServerOptions options{.listen = {"127.0.0.1:0"}, .shards = 1};
  REQUIRE(Server::start({&first, &raw, &last}, options));
  CHECK(first.starts == std::vector<Names>{all});
  CHECK(last.starts == std::vector<Names>{all});
  REQUIRE(Server::start({&first}, options));
  CHECK(first.starts == std::vector<Names>{all, {"test.v1.First"}});
  CHECK(last.starts.size() == 1);
}

TEST_CASE("a service that refuses to start keeps its server from starting") {
  Starting refuses("test.v1.Refuses", fail(Code::FAILED_PRECONDITION, "no key").error());
  const auto server = Server::start({&refuses}, {.listen = {"127.0.0.1:0"}, .shards = 1});
  REQUIRE_FALSE(server);
  CHECK(server.error().to_string() == "FAILED_PRECONDITION: no key");
}

TEST_CASE("no service learns of a start with services that cannot be served together") {
  Starting once("test.v1.Once");
  const ServerOptions options{.listen = {"127.0.0.1:0"}, .shards = 1};
  CHECK(Server::start({&once, &once}, options).error().code() == Code::ALREADY_EXISTS);
  CHECK(Server::start({&once, nullptr}, options).error().message() == "a service is null");
  CHECK(once.starts.empty());
}

}  // namespace
}  // namespace ringrpc
