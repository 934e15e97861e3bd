#include "ringrpc/event_count.h"

#include <coroutine>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "ringrpc/suspended.h"

#include "reactor/intrusive_list.h"
#include "reactor/shard.h"

namespace ringrpc {

namespace {

/// Represents a wait. It is shared with the mail that ends the wait, which may arrive after the wait is over.
struct Ticket final : ListNode {
  Ticket(Shard& on, Ready& waiting) noexcept : home(on), wait(&waiting) {}

  Shard& home;
  Ready* wait;               ///< used by the home shard only; null when the wait is over
  Shard::SealedMail letter;  ///< ends the wait; guarded by the mutex of the waiters
};

}  // namespace

/// Shared by the EventCount and its waits, so that a wait that is left over learns of the end.
struct EventCount::Waiters {
  /// Resumes all waits. Post under the lock: a wait on the list keeps its shard alive, one
  /// that was taken off does not.
  void resume_all() {
    while (Ticket* const ticket = tickets.pop_front()) ticket->home.post(std::move(ticket->letter));
  }

  std::mutex mutex;
  std::uint64_t count = 0;
  bool destroyed = false;
  List<Ticket> tickets;
};

class EventCount::Wait final : Ready, Timer {
 public:
  /// `waiters` must outlive it.
  Wait(Waiters& waiters, std::uint64_t seen, Nanoseconds timeout) noexcept
      : waiters_(waiters), seen_(seen), timeout_(timeout) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() override {
    if (!ticket_) return;
    ticket_->wait = nullptr;
    const std::lock_guard lock(waiters_.mutex);
    ticket_->unlink();
    const Shard::SealedMail unsent = std::move(ticket_->letter);  // it holds a reference to the ticket
  }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    Shard& shard = Shard::here();
    waiting_ = waiting;
    Ready& resumption = *this;
    ticket_ = std::make_shared<Ticket>(shard, resumption);
    ticket_->letter = Shard::SealedMail([held = ticket_] {
      if (held->wait) held->home.ready().push(*held->wait);
    });
    const std::lock_guard lock(waiters_.mutex);
    if (waiters_.count != seen_ || waiters_.destroyed) return false;
    waiters_.tickets.push_back(*ticket_);
    if (timeout_ != Nanoseconds::max()) shard.timers().arm(*this, after(shard.io().now(), timeout_));
    return true;
  }
  void await_resume() const {
    const std::lock_guard lock(waiters_.mutex);
    if (waiters_.destroyed)
      throw std::logic_error(
          "an EventCount was destroyed while a task waited for it: declare it before what runs the task");
  }

 private:
  void on_time() override { ticket_->home.ready().push(*this); }
  void run() override { waiting_.resume(); }

  Waiters& waiters_;
  std::uint64_t seen_;
  Nanoseconds timeout_;
  Suspended waiting_;
  std::shared_ptr<Ticket> ticket_;
};

EventCount::EventCount() : waiters_(std::make_shared<Waiters>()) {}

EventCount::~EventCount() {
  const std::lock_guard lock(waiters_->mutex);
  waiters_->destroyed = true;
  waiters_->resume_all();
}

std::uint64_t EventCount::count() const noexcept {
  const std::lock_guard lock(waiters_->mutex);
  return waiters_->count;
}

void EventCount::notify() {
  const std::lock_guard lock(waiters_->mutex);
  ++waiters_->count;
  waiters_->resume_all();
}

Task<> EventCount::past(std::uint64_t seen, Nanoseconds timeout) { return wait(waiters_, seen, timeout); }

Task<> EventCount::wait(std::shared_ptr<Waiters> waiters, std::uint64_t seen, Nanoseconds timeout) {
  co_await Wait(*waiters, seen, timeout);
}

}  // namespace ringrpc
