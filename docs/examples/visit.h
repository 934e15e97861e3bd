/// Runs an example: a server on a free port, and calls to it.
///
///   int main() {
///     Station station;
///     return examples::visit(station, watch);
///   }
#pragma once

#include <chrono>
#include <iostream>
#include <vector>

#include "ringrpc/block_on.h"
#include "ringrpc/server.h"

#include "weather/v1/weather.ringrpc.h"

namespace examples {

using Visit = ringrpc::Task<ringrpc::Status>(weather::v1::Weather::Stub&);

/// Returns the exit status: 0 if `calls` returns OK.
inline int visit(ringrpc::Service& service, Visit* calls,
                 const std::vector<ringrpc::Interceptor*>& interceptors = {},
                 const ringrpc::ChannelOptions& channel_options = {}) {
  ringrpc::ServerOptions options{.listen = {"127.0.0.1:0"}, .interceptors = interceptors, .shards = 1};
  auto server = ringrpc::Server::start({&service}, options);
  if (!server) return std::cerr << server.error().message() << '\n', 1;
  ringrpc::Channel channel((*server)->addresses().front(), channel_options);
  weather::v1::Weather::Stub weather(channel);
  const ringrpc::Status status = ringrpc::block_on([&] { return calls(weather); });
  if (!status.ok()) return std::cerr << status.to_string() << '\n', 1;
  return 0;
}

}  // namespace examples
