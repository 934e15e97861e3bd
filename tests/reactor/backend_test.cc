// The backend that a shard gets.
#include "reactor/backend.h"

#include <cerrno>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ringrpc/log.h"

#include "kernel_io.h"
#include "own_process.h"
#include "seccomp.h"

using namespace ringrpc;
using namespace ringrpc::test;

namespace {

/// The result of `body` in a child process, whose state it may spoil.
template <class Body>
std::string in_child(Body body) {
  int fds[2];
  REQUIRE(::pipe(fds) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string said = body();
    ::_exit(::write(fds[1], said.data(), said.size()) == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  ::close(fds[1]);
  std::string said(1024, '\0');
  const ssize_t got = ::read(fds[0], said.data(), said.size());
  said.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  ::close(fds[0]);
  ::waitpid(child, nullptr, 0);
  return said;
}

std::string made(IoBackend backend) {
  const Result<std::unique_ptr<Io>> io = make_io(backend);
  return io ? std::string((*io)->name()) : io.error().to_string();
}

/// The backend that is made when `system_call` fails with `error`.
std::string made_without(unsigned error, IoBackend backend, unsigned system_call = SYS_io_uring_setup) {
  return in_child(
      [=]() -> std::string { return forbid(system_call, error) ? made(backend) : "cannot forbid"; });
}

}  // namespace

TEST_CASE("each backend can be chosen by name") {
  CHECK(made(IoBackend::epoll) == "epoll");
  if (!io_uring_hidden()) CHECK(made(IoBackend::uring) == "io_uring");
}

TEST_CASE("by default a shard takes io_uring, and epoll after any failure") {
  if (!io_uring_hidden()) CHECK(made(IoBackend::automatic) == "io_uring");
  for (const unsigned error : {EPERM, EACCES, ENOSYS, ENOMEM, EINVAL, EOPNOTSUPP, EMFILE}) {
    CAPTURE(error);
    CHECK(made_without(error, IoBackend::automatic) == "epoll");
  }
  for (const unsigned system_call : {SYS_io_uring_enter, SYS_io_uring_register})
    CHECK(made_without(EPERM, IoBackend::automatic, system_call) == "epoll");
}

TEST_CASE("asked for by name, io_uring fails with the cause and the remedy") {
  const std::string said = made_without(EPERM, IoBackend::uring);
  CHECK(said.starts_with("PERMISSION_DENIED: io_uring: io_uring_setup: operation not permitted; "));
  CHECK(made_without(ENOSYS, IoBackend::uring).find("6.1") != std::string::npos);
}

TEST_CASE("the program's default applies only to shards without a choice of their own") {
  const auto made_by_default = [](IoBackend chosen, IoBackend asked) {
    return in_child([=] {
      set_default_io_backend(chosen);
      return made(asked);
    });
  };
  CHECK(made_by_default(IoBackend::epoll, IoBackend::automatic) == "epoll");
  if (!io_uring_hidden()) CHECK(made_by_default(IoBackend::epoll, IoBackend::uring) == "io_uring");
  CHECK(made_by_default(IoBackend::uring, IoBackend::epoll) == "epoll");
}

// Run by the next test in a process of its own, because a process logs the fall-back once.
TEST_CASE("(falls back three times)" * doctest::skip()) {
  REQUIRE(forbid(SYS_io_uring_setup, ENOSYS));
  for (int i = 0; i < 3; ++i) CHECK(made(IoBackend::automatic) == "epoll");
}

TEST_CASE("the fall-back is logged once, with its cause") {
  const auto [status, said] = in_own_process("(falls back three times)");
  CHECK(status == 0);
  CHECK(said.find("info using epoll; io_uring: io_uring_setup: function not implemented; ") !=
        std::string::npos);
  CHECK(said.find("using epoll") == said.rfind("using epoll"));
}
