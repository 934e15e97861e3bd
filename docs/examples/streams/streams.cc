// The three kinds of streaming calls, on both sides.
#include "ringrpc/sleep.h"

#include "../visit.h"

using namespace ringrpc;
using namespace std::chrono_literals;
using namespace weather::v1;

class Station final : public Weather::Service {
  // [watch-handler]
  Task<Status> Watch(Call&, WatchRequest request, Writer<Reading>& out) override {
    for (int taken = 0; taken < request.readings(); ++taken) {
      Reading reading;
      reading.set_station(request.station());
      reading.set_celsius(11.5 + taken);
      co_await out.write(reading);  // suspends while the client is not reading
      co_await sleep_for(10ms);     // blocks no other call
    }
    co_return Status();
  }
  // [/watch-handler]

  // [report-handler]
  Task<Result<ReportSummary>> Report(Call&, Reader<Reading>& in) override {
    int count = 0;
    double sum = 0;
    while (auto reading = co_await in.next()) {
      ++count;
      sum += reading->celsius();
    }
    if (count == 0) co_return fail(Code::INVALID_ARGUMENT, "send at least one reading");
    ReportSummary summary;
    summary.set_readings(count);
    summary.set_mean_celsius(sum / count);
    co_return summary;
  }
  // [/report-handler]

  // [calibrate-handler]
  Task<Status> Calibrate(Call&, Reader<Reading>& in, Writer<Reading>& out) override {
    while (auto reading = co_await in.next()) {
      reading->set_celsius(reading->celsius() - 0.5);
      co_await out.write(*reading);
    }
    co_return Status();
  }
  // [/calibrate-handler]
};

// [watch]
Task<Status> watch(Weather::Stub& weather) {
  WatchRequest request;
  request.set_station("harbour");
  request.set_readings(3);
  auto readings = weather.Watch(request);
  while (auto reading = co_await readings.next()) std::cout << reading->celsius() << " °C\n";
  co_return co_await readings.finish();
}
// [/watch]

// [report]
Task<Result<ReportSummary>> report(Weather::Stub& weather) {
  auto call = weather.Report();
  for (const double celsius : {11.0, 11.5, 12.0}) {
    Reading reading;
    reading.set_celsius(celsius);
    if (!co_await call.write(reading)) break;  // the call has ended: finish says why
  }
  co_return co_await call.finish();
}
// [/report]

// [calibrate]
Task<Status> calibrate(Weather::Stub& weather) {
  auto call = weather.Calibrate();
  for (const double celsius : {11.0, 11.5, 12.0}) {
    Reading reading;
    reading.set_celsius(celsius);
    if (!co_await call.write(reading)) break;
    auto corrected = co_await call.next();
    if (!corrected) break;
    std::cout << celsius << " is " << corrected->celsius() << " °C\n";
  }
  call.writes_done();
  co_return co_await call.finish();
}
// [/calibrate]

static Task<Status> all(Weather::Stub& weather) {
  if (Status status = co_await watch(weather); !status.ok()) co_return status;
  auto summary = co_await report(weather);
  if (!summary) co_return summary.error();
  std::cout << summary->readings() << " readings, " << summary->mean_celsius() << " °C in the mean\n";
  co_return co_await calibrate(weather);
}

int main() {
  Station station;
  return examples::visit(station, all);
}
