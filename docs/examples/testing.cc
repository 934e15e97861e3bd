// Unit tests of a service, without sockets and in no time.
#include <iostream>
#include <string>

#include "ringrpc/sleep.h"
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

int main() {
  const bool passed = refuses_a_request_without_a_station() && keeps_the_deadline_of_its_caller();
  std::cout << (passed ? "passed\n" : "failed\n");
  return passed ? 0 : 1;
}
