/// Runs a piece of a test in a process of its own, because a sandbox cannot be left.
///
///   CHECK(forked([] { return lock() ? 0 : errno; }) == EPERM);
#pragma once

#include <cerrno>
#include <cstdlib>
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ringrpc::grpcd {

/// What a piece returns if the sandbox could not be entered.
constexpr int enforced_nothing = 250;

/// The number that `piece` returns, 0 to 255.
template <class Piece>
int forked(const Piece& piece) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(piece());
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

/// What an attempt of a piece returns.
inline int error_unless(bool succeeded) { return succeeded ? 0 : errno; }

}  // namespace ringrpc::grpcd
