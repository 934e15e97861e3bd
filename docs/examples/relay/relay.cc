#include "relay.h"

#include <iostream>

#include "ringrpc/server.h"

#include "echo/v1/echo.ringrpc.h"

using namespace ringrpc;

int main() {
  const echo::v1::EchoService::Service echo;
  Relay relay(echo, Channel("127.0.0.1:50051"));
  auto server = Server::start({&relay}, {.listen = {"127.0.0.1:50053"}});
  if (!server) return std::cerr << server.error().message() << '\n', 1;
  std::cin.get();  // until Enter is pressed
  (*server)->drain(std::chrono::seconds(30));
}
