#include "common/standard_streams.h"

#include <cerrno>
#include <csignal>
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace ringrpc::apps {
namespace {

TEST_CASE("a write beyond the limit of the file size fails and does not end the process") {
  const auto action = std::signal(SIGXFSZ, SIG_DFL);
  open_standard_streams();
  const UniqueFd file(::memfd_create("output", 0));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit small{0, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const ssize_t written = ::write(file.get(), "x", 1);
  const int error = errno;
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, action);
  CHECK(written == -1);
  CHECK(error == EFBIG);
}

}  // namespace
}  // namespace ringrpc::apps
