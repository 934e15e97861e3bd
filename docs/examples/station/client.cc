#include <iostream>

#include "ringrpc/block_on.h"

#include "weather/v1/weather.ringrpc.h"

using namespace ringrpc;
using namespace weather::v1;

int main() {
  Channel channel("127.0.0.1:50053");
  Weather::Stub weather(channel);
  GetReadingRequest request;
  request.set_station("harbour");
  auto reading = block_on(weather.GetReading(request, {.timeout = std::chrono::seconds(2)}));
  if (!reading) return std::cerr << reading.error().to_string() << '\n', 1;
  std::cout << reading->celsius() << " °C\n";
}
