// A client of the health service whose messages are generated from the installed .proto file. The library's
// copy of these messages is in the same process.
#include <iostream>

#include "ringrpc/block_on.h"
#include "ringrpc/health.h"
#include "ringrpc/reflection.h"
#include "ringrpc/server.h"

#include "grpc/health/v1/health.ringrpc.h"

using namespace ringrpc;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

namespace {

/// Sees requests that the library's code parses again as the program's type.
class Observer final : public MessageObserver {
 public:
  Status on_request(const MessageView& request) override {
    const auto* message = request.as<HealthCheckRequest>();
    return message && message->service() == "shop" ? Status()
                                                   : Status(Code::INVALID_ARGUMENT, "not my request");
  }
};

class Observed final : public Interceptor {
 public:
  Task<Status> intercept(Call&, Next next) override { return next(observer_); }

 private:
  Observer observer_;
};

}  // namespace

int main() {
  HealthService health;
  health.set("shop", ServingStatus::serving);
  Reflection reflection;
  Observed observed;
  auto server = Server::start({&health, &reflection.v1()},
                              {.listen = {"127.0.0.1:0"}, .interceptors = {&observed}, .shards = 1});
  if (!server) return std::cerr << server.error().message() << '\n', 1;
  Channel channel((*server)->addresses().front());
  grpc::health::v1::Health::Stub stub(channel);
  HealthCheckRequest request;
  request.set_service("shop");
  const auto response = block_on(stub.Check(std::move(request)));
  if (!response) return std::cerr << response.error().to_string() << '\n', 1;
  std::cout << HealthCheckResponse::ServingStatus_Name(response->status()) << '\n';
}
