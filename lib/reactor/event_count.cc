#include "ringrpc/event_count.h"

#include <coroutine>
#include <mutex>
#include <utility>

#include "reactor/intrusive_list.h"
#include "reactor/shard.h"

namespace ringrpc {

namespace {

/// One wait. Shared with the mail that ends it, which may arrive when the wait has been given up.
struct Ticket final : ListNode, std::enable_shared_from_this<Ticket> {
  Ticket(Shard& on, std::coroutine_handle<> handle) noexcept : home(on), waiting(handle) {}

  Shard& home;
  std::coroutine_handle<> waiting;  ///< known to the home shard only; none when the wait is over
};

}  // namespace

struct EventCount::Waiters {
  std::mutex mutex;
  std::uint64_t count = 0;
  List<Ticket> tickets;
};

class EventCount::Wait {
 public:
  Wait(Waiters& waiters, std::uint64_t seen) noexcept : waiters_(waiters), seen_(seen) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() {
    if (!ticket_) return;
    ticket_->waiting = nullptr;
    const std::lock_guard lock(waiters_.mutex);
    ticket_->unlink();
  }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    ticket_ = std::make_shared<Ticket>(*Shard::current(), waiting);
    const std::lock_guard lock(waiters_.mutex);
    if (waiters_.count != seen_) return false;
    waiters_.tickets.push_back(*ticket_);
    return true;
  }
  void await_resume() const noexcept {}

 private:
  Waiters& waiters_;
  std::uint64_t seen_;
  std::shared_ptr<Ticket> ticket_;
};

EventCount::EventCount() : waiters_(std::make_unique<Waiters>()) {}

EventCount::~EventCount() = default;

std::uint64_t EventCount::count() const noexcept {
  const std::lock_guard lock(waiters_->mutex);
  return waiters_->count;
}

void EventCount::notify() {
  // Posted under the lock: a wait that is on the list keeps its shard alive, one that was taken off it does not.
  const std::lock_guard lock(waiters_->mutex);
  ++waiters_->count;
  while (Ticket* const ticket = waiters_->tickets.pop_front()) {
    ticket->home.post([held = ticket->shared_from_this()] {
      if (held->waiting) std::exchange(held->waiting, nullptr).resume();
    });
  }
}

Task<> EventCount::past(std::uint64_t seen) { co_await Wait(*waiters_, seen); }

}  // namespace ringrpc
