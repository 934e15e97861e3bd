// Runs a program without io_uring: io_uring_setup fails with EPERM, as under Docker's profile, or with
// ENOSYS, as in a kernel without it.
//
//   without_io_uring EPERM tests/reactor/reactor-tests
//   meson test --wrapper 'tests/without_io_uring ENOSYS'
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>

#include "reactor/seccomp.h"

int main(int count, char** arguments) {
  const std::string_view error = count > 2 ? arguments[1] : "";
  if (error != "EPERM" && error != "ENOSYS") {
    std::fputs("usage: without_io_uring EPERM|ENOSYS PROGRAM [ARGUMENT...]\n", stderr);
    return 2;
  }
  ::setenv("WITHOUT_IO_URING", arguments[1], 1);
  if (ringrpc::test::forbid(SYS_io_uring_setup, error == "EPERM" ? EPERM : ENOSYS))
    ::execvp(arguments[2], arguments + 2);
  std::fprintf(stderr, "without_io_uring: %s: %s\n", arguments[2], std::strerror(errno));
  return 2;
}
