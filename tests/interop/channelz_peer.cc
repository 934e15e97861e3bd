/// A process with a server, a channel to it, and channelz, for tools that look at them.
///
///   channelz_peer        prints the address of channelz, then that of the server; ends with its standard input
///
/// The channel has made 5 calls by then, 4 of which ended with OK.
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/admin_services.h"
#include "ringrpc/block_on.h"
#include "ringrpc/channel.h"
#include "ringrpc/reflection.h"
#include "ringrpc/server.h"

#include "rpc/server/raw_service.h"

using namespace ringrpc;

namespace {

Result<std::unique_ptr<Server>> start(const std::vector<Service*>& services, unsigned shards) {
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.shards = shards;
  return Server::start(services, options);
}

bool call(const Channel& channel, std::string path) {
  return block_on([&] { return channel.unary<RawMessage, RawMessage>(path, RawMessage{"hello"}); })
      .has_value();
}

int refuse(const Status& why) {
  std::fprintf(stderr, "%s\n", why.to_string().c_str());
  return 1;
}

}  // namespace

int main() {
  RawService service;
  const Result<std::unique_ptr<Server>> server = start({&service}, 2);
  if (!server) return refuse(server.error());
  AdminServices admin;
  Reflection reflection;
  std::vector<Service*> services(admin.all().begin(), admin.all().end());
  services.push_back(&reflection.v1());
  const Result<std::unique_ptr<Server>> debug = start(services, 1);
  if (!debug) return refuse(debug.error());
  const Channel channel((*server)->addresses().front());
  for (int at = 0; at < 4; ++at)
    if (!call(channel, std::string(echo_path))) return 1;
  if (call(channel, "/test.v1.Raw/Missing")) return 1;
  std::printf("%s %s\n", (*debug)->addresses().front().c_str(), (*server)->addresses().front().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}
