// Admin servers on real sockets.
#include "ringrpc/admin_server.h"

#include <doctest/doctest.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/admin_world.h"
#include "base/unique_fd.h"
#include "text_data.h"
#include "transport/address.h"

namespace ringrpc::admin {
namespace {

/// All that the server sends to a request with `Connection: close`.
std::string fetch(const std::string& address, const std::string& path) {
  const Result<std::vector<SocketAddress>> sockets = resolve(*Address::parse(address));
  REQUIRE(sockets);
  const SocketAddress& to = sockets->front();
  const UniqueFd socket(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length) == 0);
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  REQUIRE(::send(socket.get(), request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
  std::string received;
  char buffer[4096];
  for (;;) {
    const ssize_t bytes = ::recv(socket.get(), buffer, sizeof buffer, 0);
    REQUIRE(bytes >= 0);
    if (bytes == 0) return received;
    received.append(buffer, static_cast<std::size_t>(bytes));
  }
}

TEST_CASE("an admin server listens on several addresses") {
  const std::string socket = "unix-abstract:ringrpc-admin-test-" + std::to_string(::getpid());
  auto server = AdminServer::start({.listen = {"127.0.0.1:0", socket}},
                                   {large_page("/large", 1'000'000), echo_page("/one")});
  REQUIRE_MESSAGE(server.has_value(), server.error().to_string());
  REQUIRE((*server)->addresses().size() == 2);
  CHECK((*server)->addresses()[1] == socket);
  for (const std::string& address : (*server)->addresses()) {
    CHECK(fetch(address, "/one").ends_with("\r\n\r\n/one"));
    CHECK(fetch(address, "/large").ends_with(std::string(1'000'000, 'x')));
  }
}

TEST_CASE("an admin server that cannot start says why") {
  const auto failure = [](std::vector<std::string> listen, std::vector<AdminPage> pages = {},
                          std::uint32_t max_connections = 1) {
    const auto server = AdminServer::start({.listen = std::move(listen), .max_connections = max_connections},
                                           std::move(pages));
    REQUIRE_FALSE(server.has_value());
    return std::string(server.error().message());
  };
  CHECK(failure({}) == "no address to listen on");
  CHECK(failure({"127.0.0.1:0"}, {}, 0) == "AdminOptions::max_connections is 0; choose 1 or more");
  CHECK(failure({"tls+127.0.0.1:0"}) ==
        "listen on tls+127.0.0.1:0: admin pages have no TLS; use a unix socket");
  {
    const auto server = AdminServer::start({.listen = {"127.0.0.1:0"}, .hosts = {"web1:80"}}, {});
    REQUIRE_FALSE(server.has_value());
    CHECK(server.error().message() ==
          "host \"web1:80\": give a name without a port, such as web1.example.com");
  }
  CHECK(test::missing(failure({"127.0.0.1:0"}, {echo_page("one")}), {"admin page \"one\"", "'/'"}) == "");
  CHECK(failure({"unix-abstract:ringrpc-twice", "unix-abstract:ringrpc-twice"}).find("given twice") !=
        std::string::npos);
}

}  // namespace
}  // namespace ringrpc::admin
