// A server with health checks, reflection and a graceful shutdown.
#include <csignal>
#include <iostream>

#include "ringrpc/health.h"
#include "ringrpc/reflection.h"
#include "ringrpc/server.h"

#include "weather/v1/weather.ringrpc.h"

using namespace ringrpc;
using namespace std::chrono_literals;
using weather::v1::Weather;

// [main]
int main() {
  // Before the first thread starts: threads inherit the signal mask.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  Weather::Service station;  // no method overridden: all return UNIMPLEMENTED
  HealthService health;
  health.set(Weather::name, true);
  Reflection reflection;
  auto server = Server::start({&station, &health, &reflection.v1(), &reflection.v1alpha()},
                              {.listen = {"127.0.0.1:50053"}});
  if (!server) return std::cerr << server.error().message() << '\n', 1;

  int signal = 0;
  sigwait(&stop, &signal);
  health.shut_down();  // probes and watches report NOT_SERVING, so clients stop connecting
  const std::uint64_t ended = (*server)->drain(30s);
  if (ended > 0) std::cerr << ended << " calls had to be ended\n";
}
// [/main]
