/// Handlers learn the peer's identity if the transport knows it.

#include "ringrpc/peer_identity.h"

#include <array>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <span>
#include <string>
#include <unistd.h>

#include "rpc/who_am_i.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

/// The identity that a client of `world` gets.
std::string who_am_i(World& world, WhoAmI& service, std::string_view where) {
  std::string answered = "nothing";
  world.also_serve(service);
  world.serve({}, where);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    const auto answer =
        co_await channel.unary<RawMessage, RawMessage>("/test.v1.WhoAmI/Ask", RawMessage{}, {});
    REQUIRE_MESSAGE(answer, answer.error().to_string());
    answered = answer->bytes;
  }));
  return answered;
}

TEST_CASE("over a unix socket the kernel identifies the process that connected") {
  std::string folder = std::filesystem::temp_directory_path() / "ringrpc-test-XXXXXX";
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const UnixCredentials ourselves{.pid = ::getpid(), .uid = ::geteuid(), .gid = ::getegid()};
  for (const std::string& where : {"unix:" + folder + "/socket", "unix-abstract:" + folder}) {
    for (const IoBackend backend : test::kernel_backends()) {
      CAPTURE(where);
      RealWorld world(backend);
      WhoAmI service;
      CHECK(who_am_i(world, service, where) == "pid " + std::to_string(ourselves.pid) + ", uid " +
                                                   std::to_string(ourselves.uid) + ", gid " +
                                                   std::to_string(ourselves.gid));
      CHECK(service.last.unix_credentials == ourselves);
      CHECK(service.last_address == "unix:");  // a client has no name of its own
    }
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("over TCP the peer has no verified identity") {
  RealWorld world;
  WhoAmI service;
  CHECK(who_am_i(world, service, "127.0.0.1:0").empty());
  CHECK_FALSE(service.last.unix_credentials);
}

}  // namespace
}  // namespace ringrpc
