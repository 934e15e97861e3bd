// What is done around every call: the log, the rate and who may call.
#include "ringrpc/bearer_auth.h"
#include "ringrpc/log.h"
#include "ringrpc/rate_limiter.h"

#include "visit.h"

using namespace ringrpc;
using namespace weather::v1;

// [interceptor]
class Audit final : public Interceptor {
  Task<Status> intercept(Call& call, Next next) override {
    Status status = co_await next();
    log::info("{} called {}: {}", call.peer(), call.method(), status.to_string());
    co_return status;
  }
};
// [/interceptor]

class Station final : public Weather::Service {
  // [principal]
  Task<Result<Reading>> GetReading(Call& call, GetReadingRequest) override {
    Reading reading;
    reading.set_station(std::string(call.attributes().find(BearerAuth::principal).value_or("nobody")));
    co_return reading;
  }
  // [/principal]
};

static Task<Status> ask_twice(Weather::Stub& weather) {
  GetReadingRequest request;
  auto refused = co_await weather.GetReading(request);
  if (refused) co_return fail(Code::INTERNAL, "answered a caller without a token");
  std::cout << refused.error().to_string() << '\n';
  // [token]
  CallOptions options;
  if (Status status = options.metadata.add("authorization", "Bearer 2YotnFZFEjr1zCsicMWp"); !status.ok())
    co_return status;
  auto reading = co_await weather.GetReading(request, options);
  // [/token]
  if (!reading) co_return reading.error();
  std::cout << "for " << reading->station() << '\n';
  co_return Status();
}

int main() {
  Station station;
  // [options]
  Audit audit;
  RateLimiter rate(1000, 200);  // 1,000 calls a second, 200 at once after a pause
  BearerAuth authentication(BearerAuth::known_tokens({{"2YotnFZFEjr1zCsicMWp", "alice"}}));
  authentication.leave_open("grpc.health.v1.Health");
  const std::vector<Interceptor*> interceptors = {&audit, &rate, &authentication};
  // [/options]
  return examples::visit(station, ask_twice, interceptors);
}
