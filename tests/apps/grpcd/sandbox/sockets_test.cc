// The sockets and rings that a confined grpcd cannot make, and those that it has.
#include "apps/grpcd/sandbox/sockets.h"

#include <cerrno>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <initializer_list>
#include <linux/io_uring.h>
#include <memory>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "apps/grpcd/sandbox/forked.h"
#include "base/unique_fd.h"
#include "grpcd/sandbox/system_calls.h"
#include "reactor/uring/uring_ring.h"
#include "reactor/uring_requests.h"

namespace ringrpc::grpcd {
namespace {

template <class Attempt>
int filtered(const Sockets& sockets, const Attempt& attempt) {
  return forked([&] { return allow_only_needed_system_calls(sockets) ? attempt() : enforced_nothing; });
}

struct Kind {
  int family;
  int type;
  int protocol = 0;
};

/// The error of making a socket of this kind: 0 if it is made or only the kernel lacks it.
int try_socket(const Sockets& sockets, Kind kind) {
  const int error = filtered(sockets, [&] {
    return error_unless(
        static_cast<bool>(UniqueFd(::socket(kind.family, kind.type | SOCK_CLOEXEC, kind.protocol))));
  });
  return error == EAFNOSUPPORT ? 0 : error;
}

constexpr auto streams = {Kind{AF_INET, SOCK_STREAM}, Kind{AF_INET6, SOCK_STREAM}, Kind{AF_UNIX, SOCK_STREAM},
                          Kind{AF_VSOCK, SOCK_STREAM}};
constexpr auto datagrams = {Kind{AF_INET, SOCK_DGRAM}, Kind{AF_INET6, SOCK_DGRAM}};
constexpr Kind of_supervisor{AF_UNIX, SOCK_DGRAM};
constexpr auto never_made = {Kind{AF_INET, SOCK_STREAM, IPPROTO_MPTCP},
                             Kind{AF_INET, SOCK_STREAM, IPPROTO_SCTP},
                             Kind{AF_INET, SOCK_DGRAM, IPPROTO_ICMP},
                             Kind{AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE},
                             Kind{AF_INET, SOCK_RAW, IPPROTO_RAW},
                             Kind{AF_INET6, SOCK_RAW, IPPROTO_ICMPV6},
                             Kind{AF_UNIX, SOCK_SEQPACKET},
                             Kind{AF_NETLINK, SOCK_RAW},
                             Kind{AF_PACKET, SOCK_DGRAM},
                             Kind{AF_XDP, SOCK_RAW},
                             Kind{AF_ALG, SOCK_SEQPACKET}};

/// A message to `server`, for a socket that is not connected to it.
struct Message {
  explicit Message(Listening& server) {
    header.msg_name = server.generic();
    header.msg_namelen = sizeof server.address;
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
  }
  char byte = 'x';
  iovec piece{&byte, 1};
  msghdr header{};
};

}  // namespace

TEST_CASE("no socket is made, except for the supervisor and for telemetry") {
  for (const Kind& kind : streams) CHECK(try_socket(none, kind) == EPERM);
  for (const Kind& kind : datagrams) CHECK(try_socket(none, kind) == EPERM);
  CHECK(try_socket(none, of_supervisor) == EPERM);

  for (const Kind& kind : streams) CHECK(try_socket(for_supervisor, kind) == EPERM);
  for (const Kind& kind : datagrams) CHECK(try_socket(for_supervisor, kind) == EPERM);
  CHECK(try_socket(for_supervisor, of_supervisor) == 0);

  for (const Kind& kind : streams) CHECK(try_socket(for_telemetry, kind) == 0);
  for (const Kind& kind : datagrams) CHECK(try_socket(for_telemetry, kind) == 0);
}

TEST_CASE("a socket of a protocol that Landlock does not know, or below TCP and UDP, is never made") {
  for (const Sockets& sockets : {none, for_supervisor, for_telemetry})
    for (const Kind& kind : never_made) {
      INFO(kind.family, " ", kind.type, " ", kind.protocol);
      CHECK(try_socket(sockets, kind) == EPERM);
    }
  CHECK(filtered(for_telemetry, [] {
          int pair[2];
          return error_unless(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        }) == EPERM);
}

TEST_CASE("nothing begins to listen, bound or not") {
  const UniqueFd socket = tcp_socket();
  Listening other;
  other.address.sin_port = 0;
  for (const Sockets& sockets : {none, for_telemetry}) {
    CHECK(filtered(sockets, [&] { return error_unless(::listen(socket.get(), 1) == 0); }) == EPERM);
    CHECK(filtered(sockets, [&] {
            return error_unless(::bind(socket.get(), other.generic(), sizeof other.address) == 0);
          }) == EPERM);
  }
}

TEST_CASE("an existing socket connects only for telemetry, and never by TCP Fast Open") {
  Listening server;
  const UniqueFd socket = tcp_socket();
  const auto connect_by = [&](const Sockets& sockets) {
    return filtered(sockets, [&] {
      return error_unless(::connect(socket.get(), server.generic(), sizeof server.address) == 0);
    });
  };
  CHECK(connect_by(none) == EPERM);
  CHECK(connect_by(for_supervisor) == EPERM);
  CHECK(connect_by(for_telemetry) == 0);
  const UniqueFd fresh = tcp_socket();
  Message message(server);
  for (const Sockets& sockets : {none, for_supervisor, for_telemetry}) {
    CHECK(filtered(sockets, [&] {
            return error_unless(
                ::sendto(fresh.get(), "x", 1, MSG_FASTOPEN, server.generic(), sizeof server.address) == 1);
          }) == EPERM);
    CHECK(filtered(sockets, [&] {
            return error_unless(::sendmsg(fresh.get(), &message.header, MSG_FASTOPEN) == 1);
          }) == EPERM);
    CHECK(filtered(sockets, [&] {
            mmsghdr several{message.header, 0};
            return error_unless(::sendmmsg(fresh.get(), &several, 1, MSG_FASTOPEN) == 1);
          }) == EPERM);
  }
}

TEST_CASE("a socket that listens never becomes a client, not even by a request on a ring") {
  Listening server;
  Message message(server);
  const auto attempt = [&](int direction) {
    const Listening own;
    return forked([&] {
      const Result<std::unique_ptr<uring::Ring>> ring = uring::Ring::create({});
      if (!ring || !allow_only_needed_system_calls()) return enforced_nothing;
      (*ring)->enable();  // as a shard does that has its first turn afterwards
      ::shutdown(own.socket.get(), direction);
      const int result = test::request_on((*ring)->native(), [&](io_uring_sqe& entry) {
        io_uring_prep_sendmsg(&entry, own.socket.get(), &message.header, MSG_FASTOPEN | MSG_NOSIGNAL);
      });
      return result < 0 ? -result : 0;
    });
  };
  for (const int direction : {SHUT_RD, SHUT_RDWR}) {
    const int result = attempt(direction);
    if (result == enforced_nothing) {
      MESSAGE("skipped: io_uring is not available");
      return;
    }
    CHECK(result == EISCONN);
  }
}

TEST_CASE("no ring is made, and those of the reactor open nothing") {
  CHECK(filtered(for_telemetry, [] {
          io_uring_params parameters{};
          return error_unless(::syscall(SYS_io_uring_setup, 2, &parameters) >= 0);
        }) == EPERM);
  const auto on_ring = [](const auto& prepare) {
    return forked([&] {
      const Result<std::unique_ptr<uring::Ring>> ring = uring::Ring::create({});
      if (!ring || !allow_only_needed_system_calls(for_telemetry)) return enforced_nothing;
      (*ring)->enable();
      const int result = test::request_on((*ring)->native(), prepare);
      return result < 0 ? -result : 0;
    });
  };
  const UniqueFd ready(::eventfd(1, EFD_CLOEXEC));
  const int polled =
      on_ring([&](io_uring_sqe& entry) { io_uring_prep_poll_add(&entry, ready.get(), POLLIN); });
  if (polled == enforced_nothing) {
    MESSAGE("skipped: io_uring is not available");
    return;
  }
  CHECK(polled == 0);
  CHECK(on_ring([](io_uring_sqe& entry) { io_uring_prep_openat(&entry, AT_FDCWD, "/", O_RDONLY, 0); }) ==
        EACCES);
  CHECK(on_ring([](io_uring_sqe& entry) { io_uring_prep_setxattr(&entry, "user.a", "b", "", 0, 1); }) ==
        EACCES);
  for (const Kind& kind : never_made)
    CHECK(on_ring([&](io_uring_sqe& entry) {
            io_uring_prep_socket(&entry, kind.family, kind.type, kind.protocol, 0);
          }) == EACCES);
}

}  // namespace ringrpc::grpcd
