// Unit tests of a service, without sockets and waiting.
#include <algorithm>
#include <iostream>
#include <string>

#include "ringrpc/sleep.h"
#include "ringrpc/testing/fake_client_call.h"
#include "ringrpc/testing/in_process.h"

#include "weather/v1/weather.ringrpc.h"

using namespace ringrpc;
using namespace weather::v1;
using namespace std::chrono_literals;

class Station final : public Weather::Service {
  Task<Result<Reading>> GetReading(Call&, GetReadingRequest request) override {
    if (request.station().empty()) co_return fail(Code::INVALID_ARGUMENT, "name a station");
    co_await sleep_for(30s);  // the thermometer takes its time
    Reading reading;
    reading.set_station(request.station());
    co_return reading;
  }
};

// [tests]
bool refuses_a_request_without_a_station() {
  Station station;
  testing::InProcess world({&station});
  Weather::Stub weather(world.channel());
  const Result<Reading> reading = world.run(weather.GetReading(GetReadingRequest()));
  return !reading && reading.error().code() == Code::INVALID_ARGUMENT;
}

bool keeps_the_deadline_of_its_caller() {
  Station station;
  testing::InProcess world({&station});
  Weather::Stub weather(world.channel());
  GetReadingRequest request;
  request.set_station("harbour");
  const Result<Reading> late = world.run(weather.GetReading(request, {.timeout = 29s}));
  const Result<Reading> in_time = world.run(weather.GetReading(request, {.timeout = 31s}));
  return !late && late.error().code() == Code::DEADLINE_EXCEEDED && in_time;
}
// [/tests]

// [under-test]
Task<Result<double>> warmest(const Weather::StubInterface& weather, std::string station) {
  GetReadingRequest now;
  now.set_station(station);
  const auto reading = co_await weather.GetReading(now, {.timeout = 1s});
  if (!reading) co_return std::unexpected(reading.error());
  double most = reading->celsius();
  WatchRequest request;
  request.set_station(std::move(station));
  auto readings = weather.Watch(request);
  while (auto next = co_await readings.next()) most = std::max(most, next->celsius());
  if (Status status = co_await readings.finish(); !status.ok()) co_return std::unexpected(status);
  co_return most;
}
// [/under-test]

Reading reading_of(double celsius) {
  Reading reading;
  reading.set_celsius(celsius);
  return reading;
}

// [mock]
class MockWeather final : public Weather::StubInterface {  // other methods return UNIMPLEMENTED
 public:
  Task<CallResult<Reading>> GetReading(GetReadingRequest, CallOptions) const override {
    co_return reading_of(11);
  }
  ClientReader<Reading> Watch(const WatchRequest&, const CallOptions&) const override {
    return ClientReader<Reading>(watch.call());
  }

  mutable testing::FakeClientCall watch;
};

bool finds_the_warmest_reading() {
  MockWeather weather;
  weather.watch.respond(reading_of(14));
  weather.watch.respond(reading_of(12));
  weather.watch.finish();
  testing::InProcess world({});
  const Result<double> celsius = world.run(warmest(weather, "harbour"));
  return celsius && *celsius == 14;
}

bool reports_a_watch_that_fails() {
  MockWeather weather;
  weather.watch.respond(reading_of(14));
  weather.watch.finish(fail(Code::UNAVAILABLE, "the mast is down"));
  testing::InProcess world({});
  const Result<double> celsius = world.run(warmest(weather, "harbour"));
  return !celsius && celsius.error().message() == "the mast is down";
}
// [/mock]

int main() {
  const bool passed = refuses_a_request_without_a_station() && keeps_the_deadline_of_its_caller() &&
                      finds_the_warmest_reading() && reports_a_watch_that_fails();
  std::cout << (passed ? "passed\n" : "failed\n");
  return passed ? 0 : 1;
}
