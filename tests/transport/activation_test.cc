#include "transport/activation.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace ringrpc {
namespace {

/// The sockets among two that systemd passed to the process with that number.
Result<std::vector<std::string>> activated(pid_t process, std::string_view name = {}) {
  ::setenv("LISTEN_PID", std::to_string(process).c_str(), 1);
  ::setenv("LISTEN_FDS", "2", 1);
  ::setenv("LISTEN_FDNAMES", "port:path", 1);
  const Result<std::vector<Address>> found = activated_sockets(name);
  for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(variable);
  if (!found) return std::unexpected(found.error());
  std::vector<std::string> addresses;
  for (const Address& each : *found) addresses.push_back(each.to_string());
  return addresses;
}

TEST_CASE("sockets that were passed to this process are found, all or by their name") {
  CHECK(activated(::getpid()) == std::vector<std::string>{"fd:3", "fd:4"});
  CHECK(activated(::getpid(), "path") == std::vector<std::string>{"fd:4"});
  CHECK(activated(::getpid(), "other").error().code() == Code::FAILED_PRECONDITION);
}

TEST_CASE("sockets that were passed to another process are not this one's") {
  const auto none = activated(::getppid());
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Code::FAILED_PRECONDITION);
}

}  // namespace
}  // namespace ringrpc
