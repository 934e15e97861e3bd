#include "relay.h"

#include <iostream>
#include <string>
#include <vector>

#include "ringrpc/server.h"
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

// relay [--telemetry] [LISTEN [UPSTREAM]]
int main(int count, char** arguments) {
  std::vector<std::string> words(arguments + 1, arguments + count);
  // [telemetry]
  const auto options = telemetry_options(std::erase(words, "--telemetry") > 0);
  if (!options) return fail_with(options.error());
  const auto telemetry = Telemetry::start(*options);
  if (!telemetry) return fail_with(telemetry.error());
  const auto& tracer = (*telemetry)->tracer();
  const std::string listen = !words.empty() ? words[0] : "127.0.0.1:50053";
  const std::string upstream = words.size() > 1 ? words[1] : "127.0.0.1:50051";

  const echo::v1::EchoService::Service echo;
  Relay relay(echo, Channel(upstream, {.metrics = true, .tracer = tracer}));
  const auto server = Server::start({&relay}, {.listen = {listen}, .metrics = true, .tracer = tracer});
  // [/telemetry]
  if (!server) return fail_with(server.error());
  std::cout << "relays " << (*server)->addresses().front() << " to " << upstream << std::endl;
  std::cin.get();  // until Enter is pressed
  (*server)->drain(std::chrono::seconds(30));
  const Status flushed = (*telemetry)->flush(std::chrono::seconds(5));
  return flushed.ok() ? 0 : fail_with(flushed);
}
