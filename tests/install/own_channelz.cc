// A client of channelz whose messages are generated from the installed .proto file. The library's copy of
// these messages is in the same process.
#include <iostream>

#include "ringrpc/block_on.h"
#include "ringrpc/channelz.h"
#include "ringrpc/server.h"

#include "grpc/channelz/v1/channelz.ringrpc.h"

using namespace ringrpc;

int main() {
  ChannelzService channelz;
  auto server = Server::start({&channelz}, {.listen = {"127.0.0.1:0"}, .shards = 1});
  if (!server) return std::cerr << server.error().message() << '\n', 1;
  Channel channel((*server)->addresses().front());
  grpc::channelz::v1::Channelz::Stub stub(channel);
  const auto response = block_on(stub.GetServers({}));
  if (!response) return std::cerr << response.error().to_string() << '\n', 1;
  std::cout << response->server_size() << " server\n";
}
