#include <iostream>

#include "ringrpc/health.h"
#include "ringrpc/reflection.h"
#include "ringrpc/server.h"

#include "echo/v1/echo.ringrpc.h"

using namespace ringrpc;

class Shout final : public echo::v1::EchoService::Service {
  Task<Result<echo::v1::EchoResponse>> Echo(Call&, echo::v1::EchoRequest request) override {
    if (request.payload().empty()) co_return fail(Code::INVALID_ARGUMENT, "payload must not be empty");
    echo::v1::EchoResponse response;
    response.set_payload(request.payload() + "!");
    co_return response;
  }
};

int main() {
  Shout shout;
  HealthService health;
  Reflection reflection;
  auto server = Server::start({&shout, &health, &reflection.v1(), &reflection.v1alpha()},
                              {.listen = {"127.0.0.1:50052"}});
  if (!server) return std::cerr << server.error().message() << '\n', 1;
  std::cout << "listening on " << (*server)->addresses().front() << "; Enter ends it" << std::endl;
  if (std::cin.get() == EOF) (*server)->wait();  // without a terminal, it runs until it is killed
  health.shut_down();
  (*server)->drain(std::chrono::seconds(30));
}
