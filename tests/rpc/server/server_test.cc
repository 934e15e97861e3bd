#include "ringrpc/server.h"

#include <doctest/doctest.h>
#include <string>
#include <sys/socket.h>
#include <thread>

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

}  // namespace
}  // namespace ringrpc
