// A service that is busy now and then, and a client whose calls are attempted again.
#include "../visit.h"

using namespace ringrpc;
using namespace std::chrono_literals;
using namespace weather::v1;

// [server]
class Busy final : public Weather::Service {
  Task<Result<Reading>> GetReading(Call& call, GetReadingRequest) override {
    if (call.previous_attempts() < 2) {
      // Clients with a retry policy come back after 20 ms; a negative number would keep them from it.
      if (Status added = call.trailing_metadata().add("grpc-retry-pushback-ms", "20"); !added.ok())
        co_return std::unexpected(added);
      co_return fail(Code::UNAVAILABLE, "busy");
    }
    co_return Reading();
  }
};
// [/server]

// [client]
constexpr const char* service_config = R"({
  "methodConfig": [{
    "name": [{"service": "weather.v1.Weather"}],
    "timeout": "10s",
    "retryPolicy": {
      "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }],
  "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1}
})";

Result<ChannelOptions> persistent() {
  auto config = ServiceConfig::parse(service_config);
  if (!config) return std::unexpected(config.error());  // names the field that is wrong
  ChannelOptions options;
  options.service_config = *config;
  return options;
}
// [/client]

Task<Status> ask(Weather::Stub& weather) {
  auto reading = co_await weather.GetReading(GetReadingRequest());
  co_return reading ? Status() : reading.error();
}

int main() {
  Busy busy;
  const Result<ChannelOptions> options = persistent();
  if (!options) return std::cerr << options.error().message() << '\n', 1;
  return examples::visit(busy, ask, {}, *options);
}
