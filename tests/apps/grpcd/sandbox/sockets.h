/// Sockets for tests of what a confined process can reach: those that it may make, and one of another process.
#pragma once

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/unique_fd.h"
#include "grpcd/sandbox/system_calls.h"

namespace ringrpc::grpcd {

constexpr Sockets none;
constexpr Sockets for_telemetry{.connects = true};
constexpr Sockets for_supervisor{.notifies = true};

inline UniqueFd tcp_socket() { return UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

/// Listens on a port of the kernel's choice.
struct Listening {
  Listening() : socket(tcp_socket()) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket.get(), generic(), size) == 0);
    REQUIRE(::listen(socket.get(), 8) == 0);
    REQUIRE(::getsockname(socket.get(), generic(), &size) == 0);
  }
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&address); }

  UniqueFd socket;
  sockaddr_in address{};
};

}  // namespace ringrpc::grpcd
