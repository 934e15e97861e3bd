#include "common/signals.h"

#include <csignal>
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace ringrpc::apps {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a wait with a timeout returns the signal that arrived, or none") {
  const Signals signals({SIGUSR2});
  CHECK_FALSE(signals.wait_for(1ms));
  std::jthread([&] { signals.notify(); }).join();
  CHECK(signals.wait_for(1min) == Signals::notified);
  ::raise(SIGUSR2);
  CHECK(signals.wait_for(1min) == SIGUSR2);
  CHECK_FALSE(signals.wait_for(0ms));
}

TEST_CASE("a notification by another process is none") {
  const Signals signals({SIGUSR2});
  const pid_t other = ::fork();
  if (other == 0) {
    ::kill(::getppid(), SIGRTMIN);
    ::_exit(0);
  }
  CHECK(::waitpid(other, nullptr, 0) == other);
  CHECK_FALSE(signals.wait_for(0ms));
}

}  // namespace
}  // namespace ringrpc::apps
