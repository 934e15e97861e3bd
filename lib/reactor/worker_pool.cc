#include "ringrpc/worker_pool.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <pthread.h>
#include <sys/resource.h>
#include <system_error>
#include <thread>
#include <vector>

#include "ringrpc/suspended.h"

#include "base/background_thread.h"
#include "reactor/cpus.h"
#include "reactor/fair_queue.h"
#include "reactor/shard.h"
#include "reactor/worker_pool_counts.h"

namespace ringrpc {

namespace detail {

/// A job and the coroutine that waits for it. The queue and then a worker own it, until it is posted home as
/// mail.
struct WorkTicket : std::enable_shared_from_this<WorkTicket>, FairQueue::Item {
  std::unique_ptr<Job> job;
  WorkOrigin origin;
  std::shared_ptr<WorkTicket> queued;  ///< this ticket, while it is in the queue; guarded by the queue
  std::mutex mutex;
  /// Null once abandoned, because the shard may no longer exist; guarded by the mutex.
  Shard* home = nullptr;
  Suspended waiting;  ///< likewise, but used by the home shard only
  Status status;
  Shard::SealedMail letter;  ///< carries the ticket home; allocated beforehand; guarded like `home`

  void wait(std::coroutine_handle<> handle) {
    letter = Shard::SealedMail([self = shared_from_this()] {
      if (Suspended resumed = self->stop_waiting()) resumed.resume();
    });
    waiting = handle;
    ++home->jobs_elsewhere();
  }

  /// Returns the coroutine that waits, if any, and ends its wait.
  Suspended stop_waiting() noexcept {
    if (waiting) --home->jobs_elsewhere();
    return std::move(waiting);
  }

  /// Posts the ticket home, where its waiter resumes if it still exists.
  void return_home() noexcept {
    const std::lock_guard lock(mutex);
    if (home) home->post(std::move(letter));
  }
};

/// The jobs that wait for a worker. It outlives the pool while a waiter may still abandon a job.
class WorkQueue {
 public:
  WorkQueue(std::size_t limit, WorkerPoolCounts& counts) noexcept : tickets_(limit), counts_(counts) {}

  /// False if the queue is full, and no other job gives way.
  bool push(WorkTicket& ticket) {
    std::shared_ptr<WorkTicket> other;  // gives way
    {
      const std::lock_guard lock(mutex_);
      FairQueue::Item* const refused = closed_ ? &ticket : tickets_.push(ticket, ticket.origin);
      if (refused) ++counts_.rejected;
      if (refused == &ticket) return false;
      ticket.queued = ticket.shared_from_this();
      if (refused) {
        other = std::move(static_cast<WorkTicket*>(refused)->queued);
      } else {
        ++counts_.queued;
      }
    }
    more_.notify_one();
    if (other) {
      other->status = full();
      other->return_home();
    }
    return true;
  }

  /// The next job; null when the queue was closed.
  std::shared_ptr<WorkTicket> pop() {
    std::unique_lock lock(mutex_);
    more_.wait(lock, [&] { return closed_ || tickets_.size() > 0; });
    if (closed_) return nullptr;
    ++counts_.busy;
    return take();
  }

  /// Removes a job that no worker has begun.
  void remove(WorkTicket& ticket) {
    const std::lock_guard lock(mutex_);
    if (!ticket.queued) return;
    tickets_.remove(ticket);
    ticket.queued.reset();
    --counts_.queued;
  }

  /// Ends every `pop`. Returns the jobs that were not begun.
  std::vector<std::shared_ptr<WorkTicket>> close() {
    std::vector<std::shared_ptr<WorkTicket>> left;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      while (tickets_.size() > 0) left.push_back(take());
    }
    more_.notify_all();
    return left;
  }

  Status full() const {
    return fail(Code::RESOURCE_EXHAUSTED, "the worker pool is full: " + std::to_string(tickets_.limit()) +
                                              " jobs are waiting (worker queue limit)");
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return tickets_.size();
  }
  std::size_t limit() const noexcept { return tickets_.limit(); }
  WorkerPoolCounts& counts() noexcept { return counts_; }

 private:
  /// The next of the tickets, which must not be empty.
  std::shared_ptr<WorkTicket> take() {
    --counts_.queued;
    return std::move(static_cast<WorkTicket*>(tickets_.pop())->queued);
  }

  mutable std::mutex mutex_;
  std::condition_variable more_;
  FairQueue tickets_;
  WorkerPoolCounts& counts_;
  bool closed_ = false;
};

WorkAwaiter::WorkAwaiter(std::shared_ptr<WorkQueue> queue, std::unique_ptr<Job> job, const WorkOrigin* origin)
    : queue_(std::move(queue)), ticket_(std::make_shared<WorkTicket>()) {
  ticket_->job = std::move(job);
  if (origin) ticket_->origin = *origin;
  ticket_->home = Shard::current();
}

/// Destroys the job here, even if the worker that ran it still holds the ticket. The lock
/// waits until the worker has returned from `post`: the mail may arrive before that, and the
/// shard may be destroyed after this.
WorkAwaiter::~WorkAwaiter() {
  if (ticket_->stop_waiting()) {
    queue_->remove(*ticket_);
  } else {
    ticket_->job.reset();
  }
  const std::lock_guard lock(ticket_->mutex);
  ticket_->home = nullptr;
  const Shard::SealedMail unsent = std::move(ticket_->letter);  // it holds a reference to the ticket
}

bool WorkAwaiter::await_suspend(std::coroutine_handle<> waiting) {
  if (!ticket_->home) {
    ticket_->status =
        fail(Code::FAILED_PRECONDITION, "a job is awaited on a shard: in a handler, or under block_on");
    return false;
  }
  ticket_->wait(waiting);
  if (queue_->push(*ticket_)) return true;
  ticket_->stop_waiting();
  ticket_->status = queue_->full();
  return false;
}

Status WorkAwaiter::await_resume() { return std::move(ticket_->status); }

}  // namespace detail

struct WorkerPool::Threads {
  std::vector<std::jthread> threads;
};

namespace {

constexpr int nice_max = 19;

/// Linux keeps the niceness of each thread. A thread may always raise its own.
void give_way(int nice) {
  const int now = ::getpriority(PRIO_PROCESS, 0);
  if (nice > now) ::setpriority(PRIO_PROCESS, 0, std::min(nice, nice_max));
}

void serve(detail::WorkQueue& queue, int nice) {
  ::pthread_setname_np(::pthread_self(), "worker");
  leave_core_of_creator();
  give_way(nice);
  while (std::shared_ptr<detail::WorkTicket> ticket = queue.pop()) {
    ticket->job->work();
    --queue.counts().busy;
    ++queue.counts().done;
    ticket->return_home();
  }
}

}  // namespace

WorkerPool::WorkerPool(const WorkerPoolOptions& options)
    : queue_(std::make_shared<detail::WorkQueue>(options.queue_limit, WorkerPoolCounts::of(options.name))),
      threads_(std::make_unique<Threads>()) {
  queue_->counts().add_limit(options.queue_limit);
}

Result<std::unique_ptr<WorkerPool>> WorkerPool::start(const WorkerPoolOptions& options) {
  std::unique_ptr<WorkerPool> pool(new WorkerPool(options));
  const unsigned count = options.threads == 0 ? usable_cpu_count() : options.threads;
  try {
    for (unsigned i = 0; i < count; ++i) {
      pool->threads_->threads.emplace_back(
          [&queue = *pool->queue_, nice = options.nice] { serve(queue, nice); });
      ++pool->queue_->counts().threads;
    }
  } catch (const std::system_error& error) {
    return fail(Code::RESOURCE_EXHAUSTED,
                "cannot start " + std::to_string(count) + " worker threads: " + error.code().message(),
                Initiator::library);
  }
  return pool;
}

WorkerPool::~WorkerPool() {
  queue_->counts().threads -= threads_->threads.size();
  queue_->counts().remove_limit(queue_->limit());
  for (const std::shared_ptr<detail::WorkTicket>& ticket : queue_->close()) {
    ticket->status =
        fail(Code::CANCELLED, "the worker pool was closed before the job began", Initiator::library);
    ticket->return_home();
  }
}

std::size_t WorkerPool::waiting() const { return queue_->size(); }

}  // namespace ringrpc
