/// Which descriptors are ready, and what is to be done about it: the epoll instance of one shard with its
/// lists.
///
///   struct Probe final : Watcher { ... PendingOf<Probe, &Probe::read> read_{*this}; };
///   poller.watch(fd, EPOLLIN | EPOLLET, probe);      // on_events, in the next wait; it says
///   poller.pend(read_);                              // and read() follows in the dispatch
///
/// 1. `wait` runs what was queued for submission, then asks epoll and tells each watcher its events; nothing
///    of that calls a handler of the seam.
/// 2. `dispatch` runs what is pending. A handler that is called may destroy its object; what is destroyed
///    leaves the lists by itself.
/// 3. What pends meanwhile waits for the next dispatch, and the wait before it does not sleep.
#pragma once

#include <chrono>
#include <cstdint>
#include <sys/epoll.h>
#include <utility>

#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "base/unique_fd.h"
#include "reactor/intrusive_list.h"
#include "reactor/timer.h"

namespace ringrpc::epoll {

struct PendingTag;

/// Something that waits to be run.
class Pending : public ListNodeOf<PendingTag> {
 public:
  virtual void run() = 0;

 protected:
  ~Pending() = default;
};

/// What runs a member function of its owner.
template <class Owner, void (Owner::*method)()>
class PendingOf final : public Pending {
 public:
  explicit PendingOf(Owner& owner) noexcept : owner_(owner) {}
  void run() override { (owner_.*method)(); }

 private:
  Owner& owner_;
};

/// Who is told what happens to a descriptor.
class Watcher {
 public:
  /// `events` as in epoll_wait(2). May pend and watch, and destroys nothing.
  virtual void on_events(std::uint32_t events) = 0;

 protected:
  ~Watcher() = default;
};

class Poller {
 public:
  Poller() noexcept : epoll_(::epoll_create1(EPOLL_CLOEXEC)), pauses_(std::chrono::steady_clock::now()) {}

  /// Whether there is an instance; errno says why not, right after construction.
  bool created() const noexcept { return static_cast<bool>(epoll_); }

  /// Tells `watcher`, which must stay until `unwatch`, of `events`. Gives 0 or an errno value.
  int watch(int fd, std::uint32_t events, Watcher& watcher) noexcept {
    return control(EPOLL_CTL_ADD, fd, events, &watcher);
  }
  int rewatch(int fd, std::uint32_t events, Watcher& watcher) noexcept {
    return control(EPOLL_CTL_MOD, fd, events, &watcher);
  }
  /// Before `fd` is closed or handed on: a copy of it in another process would keep it registered.
  void unwatch(int fd) noexcept { control(EPOLL_CTL_DEL, fd, 0, nullptr); }

  /// Has `pending` run in the next dispatch, or in the next wait before it asks epoll; no effect when it is
  /// queued already.
  void pend(Pending& pending) noexcept {
    if (!pending.linked()) pending_.push_back(pending);
  }
  void submit(Pending& submission) noexcept {
    if (!submission.linked()) submissions_.push_back(submission);
  }

  /// Has `timer` told once `length` has passed, in a wait; it may do what a Watcher may.
  void start_pause(Timer& timer, Nanoseconds length) noexcept;

  /// As Io::wait and Io::dispatch.
  bool wait(Instant until);
  bool dispatch(Instant until);

 private:
  using Queue = ListOf<Pending, PendingTag>;

  static bool run(Queue& queue, Instant until);
  int control(int operation, int fd, std::uint32_t events, Watcher* watcher) noexcept;
  void ask(Instant until);

  UniqueFd epoll_;
  Queue submissions_;
  Queue pending_;
  TimerWheel pauses_;
};

}  // namespace ringrpc::epoll
