#include "common/signals.h"

#include <unistd.h>

namespace ringrpc::apps {
namespace {

int notify_signal() noexcept { return SIGRTMIN; }

}  // namespace

Signals::Signals(std::initializer_list<int> numbers) noexcept {
  sigemptyset(&set_);
  for (const int number : numbers) sigaddset(&set_, number);
  sigaddset(&set_, notify_signal());
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int Signals::wait() const noexcept {
  for (;;) {
    siginfo_t info{};
    const int number = sigwaitinfo(&set_, &info);
    if (number < 0) continue;  // EINTR: a stop and continue, a debugger
    if (number != notify_signal()) return number;
    if (info.si_pid == ::getpid()) return notified;
  }
}

void Signals::notify() const noexcept { ::kill(::getpid(), notify_signal()); }

}  // namespace ringrpc::apps
