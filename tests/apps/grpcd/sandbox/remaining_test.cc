// What a confined grpcd can still do, as docs/configuration.md says.
#include <cerrno>
#include <cstring>
#include <doctest/doctest.h>
#include <fstream>
#include <netinet/in.h>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "apps/grpcd/sandbox/forked.h"
#include "apps/grpcd/sandbox/sockets.h"
#include "apps/scratch_folder.h"
#include "base/unique_fd.h"
#include "grpcd/sandbox/landlock.h"
#include "grpcd/sandbox/system_calls.h"

namespace ringrpc::grpcd {
namespace {

using apps::ScratchFolder;

/// The result of `attempt` under Landlock, where the kernel has it, and behind the filter.
template <class Attempt>
int confined(const Sockets& sockets, const Attempt& attempt) {
  Landlock rules;
  if (sockets.connects) rules.connect();
  return forked([&] {
    (void)rules.enforce();
    return allow_only_needed_system_calls(sockets) ? attempt() : enforced_nothing;
  });
}

/// A socket of another process, at a path.
struct Named {
  Named(const std::string& path, int type) : socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)) {
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::bind(socket.get(), generic(), sizeof address) == 0);
    if (type == SOCK_STREAM) REQUIRE(::listen(socket.get(), 8) == 0);
  }
  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&address); }

  int try_datagram() const {
    const UniqueFd sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return error_unless(::sendto(sender.get(), "x", 1, 0, generic(), sizeof address) == 1);
  }
  int try_connect() const {
    const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return error_unless(::connect(client.get(), generic(), sizeof address) == 0);
  }

  UniqueFd socket;
  sockaddr_un address{};
};

}  // namespace

TEST_CASE("a confined process sees that a file exists, its size and its times") {
  const ScratchFolder folder;
  std::ofstream(folder.file("file")) << "text";
  CHECK(confined(none, [&] {
          struct stat found{};
          if (::stat(folder.file("file").c_str(), &found) != 0) return errno;
          return static_cast<int>(found.st_size);
        }) == 4);
}

TEST_CASE("a confined process changes its own limits and uses its descriptors") {
  CHECK(confined(none, [] {
          rlimit limits{};
          if (::getrlimit(RLIMIT_NOFILE, &limits) != 0) return 1;
          limits.rlim_cur /= 2;
          return error_unless(::setrlimit(RLIMIT_NOFILE, &limits) == 0);
        }) == 0);
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const UniqueFd reader(pipe[0]), writer(pipe[1]);
  CHECK(confined(none, [&] { return error_unless(::write(writer.get(), "x", 1) == 1); }) == 0);
}

TEST_CASE("with a supervisor, datagrams reach every unix socket that file permissions allow") {
  const ScratchFolder folder;
  const Named other(folder.file("datagrams"), SOCK_DGRAM), server(folder.file("streams"), SOCK_STREAM);
  CHECK(confined(for_supervisor, [&] { return other.try_datagram(); }) == 0);
  CHECK(confined(for_supervisor, [&] { return server.try_connect(); }) == EPERM);
  CHECK(confined(none, [&] { return other.try_datagram(); }) == EBADF);
}

TEST_CASE(
    "with telemetry, connections reach every unix socket that file permissions allow, and UDP every port") {
  const ScratchFolder folder;
  const Named server(folder.file("streams"), SOCK_STREAM);
  CHECK(confined(for_telemetry, [&] { return server.try_connect(); }) == 0);
  CHECK(confined(for_telemetry, [] {
          const UniqueFd sender(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
          sockaddr_in discard{};
          discard.sin_family = AF_INET;
          discard.sin_port = htons(9);
          discard.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
          return error_unless(::sendto(sender.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&discard),
                                       sizeof discard) == 1);
        }) == 0);
}

}  // namespace ringrpc::grpcd
