#include <cstdlib>
#include <iostream>

#include "ringrpc/bearer_token.h"
#include "ringrpc/block_on.h"

#include "echo/v1/echo.ringrpc.h"

using namespace ringrpc;

int main() {
  const char* token = std::getenv("ECHO_TOKEN");
  if (!token) return std::cerr << "ECHO_TOKEN is not set: it is the token of this client\n", 1;
  BearerToken authorization(token);
  ChannelOptions options;
  options.interceptors = {&authorization};
  Channel channel("127.0.0.1:50051", options);
  echo::v1::EchoService::Stub echo(channel);
  echo::v1::EchoRequest request;
  request.set_payload("hello");
  auto response = block_on(echo.Echo(request, {.timeout = std::chrono::seconds(2)}));
  if (!response) return std::cerr << response.error().to_string() << '\n', 1;
  std::cout << response->payload() << '\n';
}
