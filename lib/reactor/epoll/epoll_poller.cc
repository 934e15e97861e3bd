#include "reactor/epoll/epoll_poller.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <limits>
#include <span>

namespace ringrpc::epoll {

namespace {

Instant steady_now() noexcept { return std::chrono::steady_clock::now(); }

/// The time to sleep; zero if `until` has come.
Nanoseconds left_until(Instant until) noexcept {
  if (until == Instant::min()) return Nanoseconds::zero();
  return std::max(Nanoseconds(until - steady_now()), Nanoseconds::zero());
}

/// Sleeps to the nanosecond if the kernel (since 5.11) and the seccomp filter permit it. Otherwise rounds up
/// to the millisecond, so that timers are due after the sleep.
int wait_for_events(int epoll, std::span<epoll_event> events, Instant until) noexcept {
  const int room = static_cast<int>(events.size());
  static std::atomic<bool> to_the_nanosecond = true;
  const Nanoseconds left = until == never ? Nanoseconds::max() : left_until(until);
  if (to_the_nanosecond.load(std::memory_order_relaxed)) {
    const timespec time{.tv_sec = left / std::chrono::seconds(1),
                        .tv_nsec = (left % std::chrono::seconds(1)).count()};
    const int count = ::epoll_pwait2(epoll, events.data(), room, until == never ? nullptr : &time, nullptr);
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
    to_the_nanosecond.store(false, std::memory_order_relaxed);
  }
  using std::chrono::milliseconds;
  const auto left_ms = std::min<milliseconds::rep>(std::chrono::ceil<milliseconds>(left).count(),
                                                   std::numeric_limits<int>::max());
  return ::epoll_wait(epoll, events.data(), room, until == never ? -1 : static_cast<int>(left_ms));
}

}  // namespace

int Poller::control(int operation, int fd, std::uint32_t events, Watcher* watcher) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = watcher;
  return ::epoll_ctl(epoll_.get(), operation, fd, &event) == 0 ? 0 : errno;
}

void Poller::start_pause(Timer& timer, Nanoseconds length) noexcept {
  pauses_.arm(timer, after(steady_now(), length));
}

bool Poller::wait(Instant until) {
  run(submissions_, never);
  const Instant pause_over = pauses_.next();
  ask(pending_.empty() ? std::min(until, pause_over) : Instant::min());
  if (pause_over != never) pauses_.advance(steady_now());
  return !pending_.empty();
}

void Poller::ask(Instant until) {
  std::array<epoll_event, 256> events;
  // A failure (EINTR) counts as no event: the next turn asks again.
  const int count = wait_for_events(epoll_.get(), events, until);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    static_cast<Watcher*>(event.data.ptr)->on_events(event.events);
  }
}

bool Poller::dispatch(Instant until) { return run(pending_, until); }

/// Returns false if `until` came before the last element ran.
bool Poller::run(Queue& queue, Instant until) {
  // Elements queued meanwhile wait in `queue`, behind these.
  Queue first;
  first.splice(queue);
  while (Pending* next = first.pop_front()) {
    next->run();
    if (until != never && steady_now() >= until) break;
  }
  const bool all = first.empty();
  first.splice(queue);
  queue.splice(first);
  return all;
}

}  // namespace ringrpc::epoll
