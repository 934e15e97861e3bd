/// Calls into and out of a virtual machine whose vsock is a unix socket on the host.

#include <string>

#include "reactor/io_fixture.h"
#include "rpc/fake_firecracker.h"
#include "rpc/world.h"

namespace ringrpc::test {
namespace {

constexpr std::uint32_t guest_port = 52;

/// A guest that serves, its machine, and the address of a port in it.
struct Scene {
  Scene(IoBackend backend, Delivery delivery) : world(backend) {
    world.serve({}, "unix:" + directory.file("guest.sock"));
    machine.emplace(FakeFirecracker::Machine{.socket = directory.file("vm.sock"),
                                             .port = guest_port,
                                             .guest = directory.file("guest.sock"),
                                             .delivery = delivery});
  }
  std::string address(std::uint32_t port) const {
    return "hvsock://" + directory.file("vm.sock") + ":" + std::to_string(port);
  }

  TemporaryDirectory directory;
  RealWorld world;
  std::optional<FakeFirecracker> machine;
};

void in_each_way(const std::function<void(Scene&)>& test) {
  for (const IoBackend backend : kernel_backends()) {
    for (const Delivery delivery : {Delivery::glued, Delivery::byte_by_byte}) {
      const bool ring = backend == IoBackend::uring;
      CAPTURE(ring);
      const bool glued = delivery == Delivery::glued;
      CAPTURE(glued);
      Scene scene(backend, delivery);
      test(scene);
    }
  }
}

TEST_CASE("calls from the host reach the guest, however the hypervisor's response is cut or joined") {
  in_each_way([](Scene& scene) {
    CHECK(scene.world.run_against(scene.address(guest_port), [](Channel& channel) -> Task<void> {
      for (const std::size_t size : {0u, 100u, 40'000u}) {
        const std::string text = pattern(size);
        const auto echoed = co_await unary(channel, "Echo", text);
        REQUIRE_MESSAGE(echoed, echoed.error().to_string());
        CHECK(echoed->bytes == text);
      }
    }));
  });
}

TEST_CASE("each connection has an exchange of its own") {
  in_each_way([](Scene& scene) {
    for (int i = 0; i < 5; ++i) {
      CHECK(scene.world.run_against(scene.address(guest_port), [](Channel& channel) -> Task<void> {
        const auto echoed = co_await unary(channel, "Echo", "hello");
        REQUIRE_MESSAGE(echoed, echoed.error().to_string());
        CHECK(echoed->bytes == "hello");
      }));
    }
  });
}

TEST_CASE("a port of the guest without a listener refuses the connection, with TLS too") {
  in_each_way([](Scene& scene) {
    const std::string socket = scene.directory.file("vm.sock");
    for (const auto& [tls, doing] : {std::pair("", "receive"), std::pair("tls+", "send")}) {
      const std::string address = tls + scene.address(guest_port + 1);
      CHECK(scene.world.run_against(address, [&](Channel& channel) -> Task<void> {
        const auto echoed = co_await unary(channel, "Echo", "hello");
        REQUIRE_FALSE(echoed);
        CHECK(echoed.error().to_string() == "UNAVAILABLE: connect " + address + " at unix:" + socket + ": " +
                                                doing + ": connection refused");
        CHECK(echoed.error().cause() == Cause::refused);
      }));
    }
  });
}

TEST_CASE("a server on the host listens where the hypervisor connects for its guest") {
  for (const IoBackend backend : kernel_backends()) {
    const TemporaryDirectory directory;
    const std::string socket = directory.file("vm.sock");
    RealWorld world(backend);
    world.serve({}, "hvsock://" + socket + ":1024");
    CHECK(world.address() == "hvsock://" + socket + ":1024");
    CHECK(world.run_against("unix:" + socket + "_1024", [](Channel& channel) -> Task<void> {
      const auto echoed = co_await unary(channel, "Echo", "from the guest");
      REQUIRE_MESSAGE(echoed, echoed.error().to_string());
      CHECK(echoed->bytes == "from the guest");
    }));
  }
}

}  // namespace
}  // namespace ringrpc::test
