// Making a ring, or the reason why there is none.
#include "reactor/uring/uring.h"

#include <cstddef>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "reactor/io_fixture.h"
#include "reactor/seccomp.h"
#include "reactor/uring/uring_ring.h"
#include "reactor/uring_requests.h"

using namespace ringrpc;
using namespace ringrpc::test;

namespace {

/// The status of making a ring in a child process after `spoil` was called.
template <class Spoil>
std::string refusal_after(Spoil spoil) {
  int fds[2];
  REQUIRE(::pipe(fds) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::string said = "the spoiling itself failed";
    if (spoil()) {
      const Result<std::unique_ptr<Io>> io = make_uring();
      said = io ? "made" : io.error().to_string();
    }
    ::_exit(::write(fds[1], said.data(), said.size()) == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  ::close(fds[1]);
  std::string said(1024, '\0');
  said.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(fds[0], said.data(), said.size()))));
  ::close(fds[0]);
  ::waitpid(child, nullptr, 0);
  return said;
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a ring that a seccomp profile forbids is refused with cause and remedy") {
  const std::string said = refusal_after([] { return forbid(SYS_io_uring_setup, EPERM); });
  INFO(said);
  CHECK(has(said, "PERMISSION_DENIED: io_uring: io_uring_setup: operation not permitted"));
  CHECK((has(said, "seccomp") || has(said, "kernel.io_uring_disabled")));
}

TEST_CASE("a kernel without io_uring is named as such") {
  const std::string said = refusal_after([] { return forbid(SYS_io_uring_setup, ENOSYS); });
  INFO(said);
  CHECK(has(said, "UNAVAILABLE: io_uring: io_uring_setup: function not implemented"));
  CHECK(has(said, "6.1"));
}

TEST_CASE("a kernel that does not know the flags is too old") {
  const std::string said = refusal_after([] { return forbid(SYS_io_uring_setup, EINVAL); });
  INFO(said);
  CHECK(has(said, "use 6.1 or later"));
}

TEST_CASE("memory that may not be locked names its limit") {
  const std::string said = refusal_after([] { return forbid(SYS_io_uring_setup, ENOMEM); });
  INFO(said);
  CHECK(has(said, "RLIMIT_MEMLOCK"));
}

TEST_CASE("a ring that may be set up and not entered is refused" * doctest::skip(io_uring_hidden())) {
  const std::string said = refusal_after([] { return forbid(SYS_io_uring_enter, EPERM); });
  INFO(said);
  CHECK(has(said, "PERMISSION_DENIED: io_uring: io_uring_enter: operation not permitted"));
  CHECK(has(said, "io_uring_enter and io_uring_register"));
}

TEST_CASE("a ring whose registration is forbidden is refused, not half made" *
          doctest::skip(io_uring_hidden())) {
  const std::string said = refusal_after([] { return forbid(SYS_io_uring_register, EPERM); });
  INFO(said);
  CHECK(has(said, "PERMISSION_DENIED: io_uring: io_uring_register"));
}

TEST_CASE("without descriptors there is no ring, and the limit is named" * doctest::skip(io_uring_hidden())) {
  const std::string said = refusal_after([] {
    const rlimit limit{4, 4};
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 && ::dup(0) == -1;
  });
  INFO(said);
  CHECK(has(said, "RESOURCE_EXHAUSTED"));
  CHECK(has(said, "RLIMIT_NOFILE"));
}

TEST_CASE("options that make no sense are refused" * doctest::skip(io_uring_hidden())) {
  const Result<std::unique_ptr<Io>> io = make_uring({.receive_buffers = 3});
  REQUIRE(!io);
  CHECK(io.error().code() == Code::INVALID_ARGUMENT);
}

TEST_CASE("no descriptor is left open when everything is destroyed") {
  const auto open_descriptors = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const auto before = open_descriptors();
  {
    Pair pair;
    Accepted accepted;
    auto acceptor = pair.shard.io().listen(loopback(), 16, accepted);
    Connected connected;
    auto connector = pair.shard.io().connect((*acceptor)->address(), connected);
    pair.left->stream->send(chain_of(pair.shard, pattern(1 << 20)));
    pair.shard.turn(false);
    connector.reset();
    acceptor->reset();
    pair.left.reset();
    pair.right.reset();
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("a ring takes no operation that it does not need" * doctest::skip(io_uring_hidden())) {
  const Result<std::unique_ptr<uring::Ring>> made = uring::Ring::create({});
  REQUIRE(made);
  (*made)->enable();
  io_uring& ring = (*made)->native();
  const auto result_of = [&](const auto& prepare) { return request_on(ring, prepare); };
  CHECK(result_of([](io_uring_sqe& entry) { io_uring_prep_openat(&entry, AT_FDCWD, "/", O_RDONLY, 0); }) ==
        -EACCES);
  CHECK(result_of([](io_uring_sqe& entry) { io_uring_prep_socket(&entry, AF_NETLINK, SOCK_RAW, 0, 0); }) ==
        -EACCES);
  CHECK(result_of([](io_uring_sqe& entry) { io_uring_prep_connect(&entry, 0, nullptr, 0); }) == -EACCES);
  CHECK(result_of([](io_uring_sqe& entry) { io_uring_prep_shutdown(&entry, 0, SHUT_RD); }) == -EACCES);
  CHECK(result_of([](io_uring_sqe& entry) { io_uring_prep_setxattr(&entry, "user.a", "b", "", 0, 1); }) ==
        -EACCES);
  CHECK(result_of([](io_uring_sqe& entry) { io_uring_prep_unlinkat(&entry, AT_FDCWD, "", 0); }) == -EACCES);
  // Flags of an entry that only other rings need, and what is registered with a ring.
  CHECK(result_of([](io_uring_sqe& entry) {
          io_uring_prep_read(&entry, 0, nullptr, 0, 0);
          entry.flags |= IOSQE_FIXED_FILE;
        }) == -EACCES);
  CHECK(io_uring_register_personality(&ring) == -EACCES);
}
