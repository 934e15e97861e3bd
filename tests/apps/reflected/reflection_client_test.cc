// The end of a reflection call, as the server sees it.
#include "reflected/reflection_client.h"

#include <chrono>
#include <doctest/doctest.h>
#include <memory>
#include <utility>

#include "ringrpc/block_on.h"
#include "ringrpc/health.h"
#include "ringrpc/reflection.h"
#include "ringrpc/server.h"
#include "ringrpc/sleep.h"

#include "grpc/reflection/v1/reflection.ringrpc.h"

namespace ringrpc::reflected {
namespace {

using namespace std::chrono_literals;
using grpc::reflection::v1::ServerReflection;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

/// Responds, but does not end the call when its client half-closes it.
class Lingering final : public ServerReflection::Service {
 public:
  Task<Status> ServerReflectionInfo(Call&, Reader<ServerReflectionRequest>& in,
                                    Writer<ServerReflectionResponse>& out) override {
    while (const std::optional<ServerReflectionRequest> request = co_await in.next())
      co_await out.write(ServerReflectionResponse());
    co_await sleep_for(1h);
    co_return Status();
  }
};

/// The number of services that a server reflects.
Task<Result<std::size_t>> asked(std::string address) {
  Channel channel(std::move(address));
  ReflectionClient reflection(channel, [] { return CallOptions(); });
  Outcome<std::vector<std::string>> services = co_await reflection.services();
  if (!services) co_return fail(Code::UNKNOWN, services.error().message);
  co_await reflection.end();
  co_await reflection.end();  // no effect if no call is open
  co_return services->size();
}

std::unique_ptr<Server> serving(std::initializer_list<Service*> services) {
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.shards = 1;
  Result<std::unique_ptr<Server>> server = Server::start(services, options);
  REQUIRE_MESSAGE(server, server.error().message());
  return std::move(*server);
}

TEST_CASE("a reflection call that the client ends succeeds") {
  HealthService health;
  Reflection reflection;
  const std::unique_ptr<Server> server = serving({&health, &reflection.v1(), &reflection.v1alpha()});
  CHECK(block_on(asked(server->addresses().front())) == 3);  // health and both versions of reflection
  CHECK(server->counters().calls_succeeded == 1);
  CHECK(server->counters().calls_failed == 0);
}

TEST_CASE("a reflection call that the server does not end is cancelled") {
  Lingering lingering;
  const std::unique_ptr<Server> server = serving({&lingering});
  CHECK(block_on(asked(server->addresses().front())) == 0);
  CHECK(server->counters().calls_succeeded == 0);
}

}  // namespace
}  // namespace ringrpc::reflected
