#include "common/signals.h"

#include <cerrno>
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

int Signals::wait() const noexcept { return *wait(nullptr); }

std::optional<int> Signals::wait_for(std::chrono::milliseconds timeout) const noexcept {
  const auto whole = std::chrono::floor<std::chrono::seconds>(timeout);
  const timespec limit{.tv_sec = whole.count(), .tv_nsec = std::chrono::nanoseconds(timeout - whole).count()};
  return wait(&limit);
}

/// Waits longer than `timeout` when it is interrupted: each attempt waits for all of it.
std::optional<int> Signals::wait(const timespec* timeout) const noexcept {
  for (;;) {
    siginfo_t info{};
    const int number = sigtimedwait(&set_, &info, timeout);
    if (number < 0 && errno == EAGAIN) return std::nullopt;
    if (number < 0) continue;  // EINTR: stopped and continued, or a debugger
    if (number != notify_signal()) return number;
    if (info.si_pid == ::getpid()) return notified;
  }
}

void Signals::notify() const noexcept { ::kill(::getpid(), notify_signal()); }

void Signals::release() const noexcept {
  while (wait_for(std::chrono::milliseconds(0))) {
  }
  sigset_t others = set_;
  sigdelset(&others, notify_signal());
  pthread_sigmask(SIG_UNBLOCK, &others, nullptr);
}

}  // namespace ringrpc::apps
