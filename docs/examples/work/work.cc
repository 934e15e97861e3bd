// Long computations on threads of their own.
#include "ringrpc/worker_pool.h"

#include "../visit.h"

using namespace ringrpc;
using namespace weather::v1;

static double forecast(const std::string& station) { return static_cast<double>(station.size()) + 0.5; }

// [handler]
class Station final : public Weather::Service {
 public:
  explicit Station(WorkerPool& pool) : pool_(pool) {}

 private:
  Task<Result<Reading>> GetReading(Call&, GetReadingRequest request) override {
    auto celsius = co_await pool_.run([station = request.station()] { return forecast(station); });
    if (!celsius) co_return std::unexpected(celsius.error());  // RESOURCE_EXHAUSTED: too many jobs wait
    Reading reading;
    reading.set_celsius(*celsius);
    co_return reading;
  }

  WorkerPool& pool_;
};
// [/handler]

static Task<Status> ask(Weather::Stub& weather) {
  GetReadingRequest request;
  request.set_station("harbour");
  auto reading = co_await weather.GetReading(request);
  if (!reading) co_return reading.error();
  std::cout << reading->celsius() << " °C\n";
  co_return Status();
}

int main() {
  // [pool]
  auto pool = WorkerPool::start({.threads = 2, .queue_limit = 256});
  if (!pool) return std::cerr << pool.error().message() << '\n', 1;
  Station station(**pool);
  // [/pool]
  return examples::visit(station, ask);
}
