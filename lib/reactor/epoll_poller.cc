#include "reactor/epoll_poller.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

namespace ringrpc::epoll {

namespace {

Instant steady_now() noexcept { return std::chrono::steady_clock::now(); }

/// How long epoll_wait may sleep; rounded up, since a timer must not find its time not come.
int sleep_ms(Instant until) noexcept {
  using std::chrono::milliseconds;
  if (until == never) return -1;
  if (until == Instant::min()) return 0;
  const auto left = std::chrono::ceil<milliseconds>(until - steady_now()).count();
  return static_cast<int>(std::clamp<milliseconds::rep>(left, 0, std::numeric_limits<int>::max()));
}

}  // namespace

int Poller::control(int operation, int fd, std::uint32_t events, Watcher* watcher) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = watcher;
  return ::epoll_ctl(epoll_.get(), operation, fd, &event) == 0 ? 0 : errno;
}

void Poller::start_pause(Pause& pause) noexcept {
  pause.end = after(steady_now(), Pause::length);
  pauses_.push_back(pause);
}

void Poller::wait(Instant until) {
  run_all(submissions_);
  if (const Pause* first = pauses_.front()) until = std::min(until, first->end);
  ask(pending_.empty() ? until : Instant::min());
  if (!pauses_.empty()) end_pauses();
}

void Poller::ask(Instant until) {
  std::array<epoll_event, 256> events;
  // A failure (EINTR) is as good as no event: the next turn asks again.
  const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), sleep_ms(until));
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    static_cast<Watcher*>(event.data.ptr)->on_events(event.events);
  }
}

void Poller::end_pauses() {
  const Instant now = steady_now();
  while (Pause* first = pauses_.front()) {
    if (first->end > now) return;
    first->unlink();
    first->on_pause_over();
  }
}

void Poller::dispatch() { run_all(pending_); }

void Poller::run_all(Queue& queue) {
  Queue now;
  now.splice(queue);
  while (Pending* next = now.pop_front()) next->run();
}

}  // namespace ringrpc::epoll
