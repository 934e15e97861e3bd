// Interceptors: logging, a rate limit, authentication and validation on the server; request ids and a token on
// the client.
#include <atomic>

#include "ringrpc/bearer_auth.h"
#include "ringrpc/bearer_token.h"
#include "ringrpc/log.h"
#include "ringrpc/rate_limiter.h"

#include "../visit.h"

using namespace ringrpc;
using namespace weather::v1;

// [interceptor]
class Audit final : public Interceptor {
  Task<Status> intercept(Call& call, Next next) override {
    if (const auto id = call.metadata().find("request-id"))
      (void)call.attributes().add("request-id", *id);  // for inner interceptors, the handler and on_end
    co_return co_await next();
  }

  void on_end(Call& call, const Status& status) override {
    const auto id = call.attributes().find("request-id").value_or("-");
    log::info("{} called {}, request {}: {}", call.peer(), call.method(), id, status.to_string());
  }
};
// [/interceptor]

// [messages]
class Validation final : public Interceptor {
  class Observer final : public MessageObserver {
    Status on_request(const MessageView& request) override {
      const GetReadingRequest* wanted = request.as<GetReadingRequest>();
      if (wanted && !wanted->station().empty()) return Status();
      return Status(Code::INVALID_ARGUMENT, "station: must not be empty");
    }
  };

  Task<Status> intercept(Call& call, Next next) override {
    if (!call.method().ends_with("/GetReading")) co_return co_await next();
    Observer observer;
    co_return co_await next(observer);
  }
};
// [/messages]

class Station final : public Weather::Service {
  // [principal]
  Task<Result<Reading>> GetReading(Call& call, GetReadingRequest) override {
    Reading reading;
    reading.set_station(std::string(call.attributes().find(BearerAuth::principal).value_or("nobody")));
    co_return reading;
  }
  // [/principal]
};

// [request-ids]
class RequestIds final : public ClientInterceptor {
  Task<Status> intercept(ClientRequest& request, ClientNext next) override {
    const std::string id = std::to_string(++last_);
    if (Status status = request.metadata.add("request-id", id); !status.ok()) co_return status;
    Status status = co_await next();
    log::info("{} of {}, request {}: {}", request.method, request.target, id, status.to_string());
    co_return status;
  }

  std::atomic<int> last_ = 0;  // one object serves all shards
};
// [/request-ids]

static Task<Status> ask_without_token(Weather::Stub& weather) {
  auto reading = co_await weather.GetReading(GetReadingRequest());
  if (reading) co_return Status(Code::INTERNAL, "accepted a call without a token");
  std::cout << reading.error().to_string() << '\n';
  co_return Status();
}

static Task<Status> ask(Weather::Stub& weather) {
  auto reading = co_await weather.GetReading(GetReadingRequest());
  if (!reading) co_return reading.error();
  if (reading->station() != "alice")
    co_return Status(Code::INTERNAL, "the principal should be alice, and is " + reading->station());
  std::cout << "for " << reading->station() << '\n';
  co_return Status();
}

static Task<Status> ask_without_station(Weather::Stub& weather) {
  auto reading = co_await weather.GetReading(GetReadingRequest());
  if (reading) co_return Status(Code::INTERNAL, "accepted a request without a station");
  std::cout << reading.error().to_string() << '\n';
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
  if (const int failed = examples::visit(station, ask_without_token, interceptors)) return failed;
  // [token]
  RequestIds ids;
  BearerToken token("2YotnFZFEjr1zCsicMWp");
  ChannelOptions options;
  options.interceptors = {&ids, &token};
  // [/token]
  if (const int failed = examples::visit(station, ask, interceptors, options)) return failed;
  Validation validation;
  return examples::visit(station, ask_without_station, {&validation});
}
