#include "ringrpc/server.h"

#include <iostream>

#include "ringrpc/reflection.h"

#include "weather/v1/weather.ringrpc.h"

using namespace ringrpc;
using namespace weather::v1;

class Station final : public Weather::Service {
  Task<Result<Reading>> GetReading(Call&, GetReadingRequest request) override {
    if (request.station() != "harbour") co_return fail(Code::NOT_FOUND, "the only station is 'harbour'");
    Reading reading;
    reading.set_station(request.station());
    reading.set_celsius(11.5);
    co_return reading;
  }
};

int main() {
  Station station;
  Reflection reflection;  // so that grpcurl needs no .proto file
  auto server =
      Server::start({&station, &reflection.v1(), &reflection.v1alpha()}, {.listen = {"127.0.0.1:50053"}});
  if (!server) return std::cerr << server.error().message() << '\n', 1;
  std::cout << "listening on " << (*server)->addresses().front() << "; Enter ends it\n" << std::flush;
  std::cin.get();
}
