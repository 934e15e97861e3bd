#include "relay.h"

#include <algorithm>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/load_balancing.h"
#include "ringrpc/server.h"
#include "ringrpc/service_config.h"
#include "ringrpc/telemetry.h"

#include "echo/v1/echo.ringrpc.h"

using namespace ringrpc;

namespace {

int fail_with(const Status& status) { return std::cerr << status.message() << '\n', 1; }

/// Of traces and metrics, those that the OTEL_* variables ask for; without `--telemetry` none.
Result<TelemetryOptions> telemetry_options(bool wanted) {
  if (wanted) return telemetry_from_environment();
  return TelemetryOptions{.traces = {.enabled = false}, .metrics = {.enabled = false}};
}

}  // namespace

/// Takes a flag and its value out of the words.
std::optional<std::string> take(std::vector<std::string>& words, std::string_view flag) {
  const auto found = std::ranges::find(words, flag);
  if (found == words.end() || found + 1 == words.end()) return std::nullopt;
  std::string value = *(found + 1);
  words.erase(found, found + 2);
  return value;
}

/// `--lb` says which of several upstream addresses gets a call, `--service-config` has timeouts and retries.
Result<ChannelOptions> channel_options(std::vector<std::string>& words) {
  ChannelOptions options{.metrics = true};
  if (const auto json = take(words, "--service-config")) {
    const auto config = ServiceConfig::parse(*json);
    if (!config) return std::unexpected(config.error());
    options.service_config = *config;
  }
  const std::string policy = take(words, "--lb").value_or("pick_first");
  if (policy == "round_robin") options.balancing = round_robin();
  if (policy == "least_request") options.balancing = least_request();
  if (!options.balancing && policy != "pick_first")
    return fail(Code::INVALID_ARGUMENT, "--lb takes pick_first, round_robin or least_request");
  return options;
}

// relay [--all] [--telemetry] [--lb POLICY] [--service-config JSON] [LISTEN [UPSTREAM]]
int main(int count, char** arguments) {
  std::vector<std::string> words(arguments + 1, arguments + count);
  auto to_upstream = channel_options(words);
  if (!to_upstream) return fail_with(to_upstream.error());
  const bool all = std::erase(words, "--all") > 0;  // not only the methods of EchoService
  // [telemetry]
  const auto options = telemetry_options(std::erase(words, "--telemetry") > 0);
  if (!options) return fail_with(options.error());
  const auto telemetry = Telemetry::start(*options);
  if (!telemetry) return fail_with(telemetry.error());
  const auto& tracer = (*telemetry)->tracer();
  const std::string listen = !words.empty() ? words[0] : "127.0.0.1:50053";
  const std::string upstream = words.size() > 1 ? words[1] : "127.0.0.1:50051";

  const echo::v1::EchoService::Service echo;
  to_upstream->tracer = tracer;
  const Channel channel(upstream, *to_upstream);
  Relay relay(echo, channel);
  RelayAll others(channel);
  ServerOptions serving{.listen = {listen}, .metrics = true, .tracer = tracer};
  if (all) serving.fallback = &others;
  const auto server = Server::start({&relay}, serving);
  // [/telemetry]
  if (!server) return fail_with(server.error());
  std::cout << "relays " << (*server)->addresses().front() << " to " << upstream << std::endl;
  std::cin.get();  // until Enter is pressed
  (*server)->drain(std::chrono::seconds(30));
  const Status flushed = (*telemetry)->flush(std::chrono::seconds(5));
  return flushed.ok() ? 0 : fail_with(flushed);
}
