#include "ringrpc/when.h"

#include <cassert>

#include "ringrpc/suspended.h"

#include "base/frame_allocator.h"
#include "reactor/shard.h"

namespace ringrpc::detail {

/// Resumes the coroutine from the ready list, because it must not resume inside the end of a task.
class Endings::Queue final : private Ready {
 public:
  explicit Queue(std::size_t tasks) : shard_(Shard::here()), observers_(tasks) {
    for (Observer& observer : observers_) observer.queue = this;
  }

  TaskObserver* observer(std::size_t index) noexcept { return &observers_[index]; }
  bool empty() const noexcept { return ended_.empty(); }
  void wait(std::coroutine_handle<> waiting) noexcept {
    assert(!waiting_ && "one coroutine waits at a time");
    waiting_ = waiting;
  }
  std::size_t pop() noexcept { return static_cast<std::size_t>(ended_.pop_front() - observers_.data()); }

 private:
  struct Observer final : TaskObserver, ListNode {
    void on_task_done() override { queue->add(*this); }

    Queue* queue = nullptr;
  };

  void add(Observer& ended) noexcept {
    ended_.push_back(ended);
    if (waiting_) shard_.ready().push(*this);
  }
  void run() override { waiting_.resume(); }

  Shard& shard_;
  std::vector<Observer, FrameAllocator<Observer>> observers_;
  List<Observer> ended_;
  Suspended waiting_;
};

Endings::Endings(std::size_t tasks) : queue_(std::make_unique<Queue>(tasks)) {}

Endings::~Endings() = default;

TaskObserver* Endings::observer(std::size_t index) noexcept { return queue_->observer(index); }

bool Endings::any() const noexcept { return !queue_->empty(); }

void Endings::wait(std::coroutine_handle<> waiting) noexcept { queue_->wait(waiting); }

std::size_t Endings::take() noexcept { return queue_->pop(); }

}  // namespace ringrpc::detail
