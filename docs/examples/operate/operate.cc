// A server with health checks, reflection and a graceful shutdown.
#include <csignal>
#include <iostream>

#include "ringrpc/admin_pages.h"
#include "ringrpc/admin_server.h"
#include "ringrpc/health.h"
#include "ringrpc/reflection.h"
#include "ringrpc/server.h"
#include "ringrpc/sleep.h"
#include "ringrpc/when.h"

#include "weather/v1/weather.ringrpc.h"

using namespace ringrpc;
using namespace std::chrono_literals;
using namespace weather::v1;

// [watch]
class Station final : public Weather::Service {
  // Sends a reading every minute until the client cancels the call or the server shuts down.
  Task<Status> Watch(Call& call, WatchRequest request, Writer<Reading>& out) override {
    Reading reading;
    reading.set_station(request.station());
    while (!call.stopping()) {
      if (!co_await out.write(reading)) co_return Status();
      co_await when_any(sleep_for(1min), call.until_stopping());
    }
    co_return fail(Code::UNAVAILABLE, "the server is shutting down");
  }
};
// [/watch]

// [main]
int main() {
  // Before the first thread starts: threads inherit the signal mask.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  Station station;
  HealthService health;
  health.set(Weather::name, ServingStatus::serving);
  Reflection reflection;
  auto server = Server::start({&station, &health, &reflection.v1(), &reflection.v1alpha()},
                              {.listen = {"127.0.0.1:50053"}, .metrics = true});
  if (!server) return std::cerr << server.error().message() << '\n', 1;
  auto admin = AdminServer::start({.listen = {"127.0.0.1:9901"}}, server_pages(**server, health));
  if (!admin) return std::cerr << admin.error().message() << '\n', 1;

  int signal = 0;
  sigwait(&stop, &signal);
  health.shut_down();  // probes and watches report NOT_SERVING, so clients stop connecting
  const std::uint64_t ended = (*server)->drain(30s);
  if (ended > 0) std::cerr << ended << " calls had to be ended\n";
}
// [/main]
