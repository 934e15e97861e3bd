// Two calls at once, and a handler that reads and writes at once.
#include "ringrpc/sleep.h"
#include "ringrpc/task_scope.h"
#include "ringrpc/when.h"

#include "../visit.h"

using namespace ringrpc;
using namespace std::chrono_literals;
using namespace weather::v1;

// [scope]
class Station final : public Weather::Service {
  Task<Result<Reading>> GetReading(Call&, GetReadingRequest request) override {
    Reading reading;
    reading.set_celsius(request.station() == "summit" ? -3 : 11.5);
    co_return reading;
  }

  // Responds with the latest reading every 10 ms until the client has ended its stream.
  Task<Status> Calibrate(Call&, Reader<Reading>& in, Writer<Reading>& out) override {
    Reading latest;
    TaskScope scope;
    scope.spawn(respond(out, latest));
    while (auto reading = co_await in.next()) latest = *reading;
    scope.cancel();
    co_return co_await scope.join();
  }

  static Task<> respond(Writer<Reading>& out, const Reading& latest) {
    while (co_await out.write(latest)) co_await sleep_for(10ms);
  }
};
// [/scope]

static GetReadingRequest at(const std::string& station) {
  GetReadingRequest request;
  request.set_station(station);
  return request;
}

// [both]
Task<Status> compare(Weather::Stub& weather) {
  auto [harbour, summit] =
      co_await when_all(weather.GetReading(at("harbour")), weather.GetReading(at("summit")));
  if (!harbour) co_return harbour.error();
  if (!summit) co_return summit.error();
  std::cout << "it is " << harbour->celsius() - summit->celsius() << " °C warmer at the harbour\n";
  co_return Status();
}
// [/both]

// [lambda]
/// Says later that the visit has ended. The lambda is destroyed before that; the frame has a copy of it.
Task<> farewell(std::string place) {
  return [place](this auto) -> Task<> {
    co_await sleep_for(1ms);
    std::cout << "goodbye from the " << place << '\n';
  }();
}
// [/lambda]

static Task<Status> visit_station(Weather::Stub& weather) {
  const Status compared = co_await compare(weather);
  if (!compared.ok()) co_return compared;
  auto readings = weather.Calibrate();
  Reading sent;
  sent.set_celsius(20);
  (void)co_await readings.write(sent);
  for (auto reading = co_await readings.next(); reading && reading->celsius() != 20;)
    reading = co_await readings.next();
  co_await farewell("harbour");
  co_return co_await readings.finish();  // ends the writes
}

int main() {
  Station station;
  return examples::visit(station, visit_station);
}
