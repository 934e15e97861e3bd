// A server that calls another server, and a client whose deadline is too short.
#include "ringrpc/shield.h"
#include "ringrpc/sleep.h"

#include "../visit.h"

using namespace ringrpc;
using namespace std::chrono_literals;
using namespace weather::v1;

/// Responds slowly.
class Station final : public Weather::Service {
  Task<Result<Reading>> GetReading(Call&, GetReadingRequest) override {
    co_await sleep_for(1h);
    co_return Reading();
  }
};

// [relay]
Task<> count_request(std::string station);  // by value: it may outlive the handler

class Relay final : public Weather::Service {
 public:
  explicit Relay(Weather::Stub upstream) : upstream_(std::move(upstream)) {}

 private:
  Task<Result<Reading>> GetReading(Call& call, GetReadingRequest request) override {
    co_await shield(count_request(request.station()));    // finishes even if the call is cancelled
    const CallOptions options = CallOptions::from(call);  // with this call's deadline
    co_return co_await upstream_.GetReading(request, options);
  }

  Weather::Stub upstream_;
};
// [/relay]

Task<> count_request(std::string station) {
  std::cout << "asked for " << station << '\n';
  co_return;
}

// [timeout]
Task<Status> hurry(Weather::Stub& weather) {
  GetReadingRequest request;
  request.set_station("harbour");
  auto reading = co_await weather.GetReading(request, {.timeout = 50ms});
  if (!reading) std::cout << reading.error().to_string() << '\n';
  co_return Status();
}
// [/timeout]

int main() {
  Station station;
  auto server = Server::start({&station}, {.listen = {"127.0.0.1:0"}, .shards = 1});
  if (!server) return std::cerr << server.error().message() << '\n', 1;
  Channel upstream((*server)->addresses().front());
  Relay relay{Weather::Stub(upstream)};
  return examples::visit(relay, hurry);
}
