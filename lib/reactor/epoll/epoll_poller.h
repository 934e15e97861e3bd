/// The epoll instance of one shard, with the lists of what to run for ready descriptors.
///
///   struct Probe final : Watcher { ... PendingOf<Probe, &Probe::read> read_{*this}; };
///   poller.watch(fd, EPOLLIN | EPOLLET, probe);      // the next wait calls on_events, which calls:
///   poller.pend(read_);                              // the next dispatch calls read()
///
/// 1. `wait` runs the queued submissions, then asks epoll and passes each watcher its events. Nothing in it
///    calls a handler of the seam.
/// 2. `dispatch` runs what is pending. A handler may destroy its object; a destroyed object leaves the lists
///    by itself.
/// 3. Anything that pends meanwhile waits for the next dispatch, and the wait before that does not sleep.
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

/// An element that waits to be run.
class Pending : public ListNodeOf<PendingTag> {
 public:
  virtual void run() = 0;

 protected:
  ~Pending() = default;
};

/// Runs a member function of its owner.
template <class Owner, void (Owner::*method)()>
class PendingOf final : public Pending {
 public:
  explicit PendingOf(Owner& owner) noexcept : owner_(owner) {}
  void run() override { (owner_.*method)(); }

 private:
  Owner& owner_;
};

/// Gets the events of a descriptor.
class Watcher {
 public:
  /// `events` as in epoll_wait(2). May pend and watch, but must destroy nothing.
  virtual void on_events(std::uint32_t events) = 0;

 protected:
  ~Watcher() = default;
};

class Poller {
 public:
  Poller() noexcept : epoll_(::epoll_create1(EPOLL_CLOEXEC)), pauses_(std::chrono::steady_clock::now()) {}

  /// True if the epoll instance exists; if not, errno has the reason right after construction.
  bool created() const noexcept { return static_cast<bool>(epoll_); }

  /// Reports `events` to `watcher`, which must live until `unwatch`. Returns 0 or an errno value.
  int watch(int fd, std::uint32_t events, Watcher& watcher) noexcept {
    return control(EPOLL_CTL_ADD, fd, events, &watcher);
  }
  int rewatch(int fd, std::uint32_t events, Watcher& watcher) noexcept {
    return control(EPOLL_CTL_MOD, fd, events, &watcher);
  }
  /// Call it before `fd` is closed or passed on: a copy in another process would keep it registered.
  void unwatch(int fd) noexcept { control(EPOLL_CTL_DEL, fd, 0, nullptr); }

  /// Runs `pending` in the next dispatch, or in the next wait before it asks epoll. No effect if it is queued
  /// already.
  void pend(Pending& pending) noexcept {
    if (!pending.linked()) pending_.push_back(pending);
  }
  void submit(Pending& submission) noexcept {
    if (!submission.linked()) submissions_.push_back(submission);
  }

  /// Fires `timer` in a wait once `length` has passed. The timer may do what a Watcher may.
  void start_pause(Timer& timer, Nanoseconds length) noexcept;

  /// Like Io::wait and Io::dispatch.
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
