#include "ringrpc/task_scope.h"

#include <coroutine>
#include <exception>
#include <stdexcept>
#include <utility>

#include "ringrpc/log.h"
#include "ringrpc/suspended.h"

#include "base/frame_allocator.h"
#include "reactor/shard.h"

namespace ringrpc {

namespace {

Task<Status> as_status(Task<> task) {
  co_await std::move(task);
  co_return Status();
}

}  // namespace

/// Handles ended tasks from the ready list, where every task is suspended and may be destroyed.
class TaskScope::Children final : private Ready {
 public:
  Children() noexcept = default;
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;
  ~Children() {
    report();
    destroy(running_);
    destroy(ended_);
  }

  void spawn(Task<Status> task) {
    if (!task.valid()) detail::no_coroutine();
    if (state_ == State::ending) return;
    shard_ = &Shard::here();
    auto* const child = new Child(*this, std::move(task));
    running_.push_back(*child);
    ++count_;
    child->task.start(child);
  }

  void cancel() noexcept {
    state_ = State::ending;
    if (shard_) look_soon();
  }

  bool idle() const noexcept { return count_ == 0; }
  std::size_t size() const noexcept { return count_; }

  /// Resumes `waiting` from the ready list when no task is left.
  void wait(Shard& shard, std::coroutine_handle<> waiting) {
    if (waiting_)
      throw std::logic_error("two tasks wait in `join()` of one TaskScope: join it in one of them");
    shard_ = &shard;
    waiting_ = waiting;
    look_soon();
  }
  void stop_waiting() noexcept { waiting_ = {}; }

  Status take_outcome() {
    state_ = State::open;
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    return std::exchange(failure_, Status());
  }

 private:
  struct Child final : TaskObserver, ListNode, Pooled {
    Child(Children& in, Task<Status> spawned) noexcept : children(in), task(std::move(spawned)) {}
    void on_task_done() override { children.ended(*this); }

    Children& children;
    Task<Status> task;
  };

  /// `ending`: a task has failed, or all were cancelled. The remaining tasks are destroyed and none is
  /// started.
  enum class State { open, ending };

  void ended(Child& child) noexcept {
    child.unlink();
    ended_.push_back(child);
    --count_;
    look_soon();
  }
  void look_soon() noexcept { shard_->ready().push(*this); }

  void run() override {
    while (Child* const child = ended_.pop_front()) {
      note_outcome(*child);
      delete child;
    }
    if (state_ == State::ending) count_ -= destroy(running_);
    if (idle() && waiting_) waiting_.resume();  // this may destroy the object
  }

  /// Only the first failure counts, because it causes the later ones.
  void note_outcome(const Child& child) noexcept {
    const bool first = failure_.ok() && !thrown_;
    try {
      Status status = child.task.result();
      if (status.ok()) return;
      if (first) failure_ = std::move(status);
    } catch (...) {
      if (first) thrown_ = std::current_exception();
    }
    state_ = State::ending;
  }

  void report() const noexcept {
    if (!failure_.ok())
      log::warn("a task of a scope failed, and the scope was not joined: {}", failure_.to_string());
    if (thrown_) log::warn("a task of a scope threw, and the scope was not joined");
  }

  static std::size_t destroy(List<Child>& list) noexcept {
    std::size_t destroyed = 0;
    while (Child* const child = list.pop_front()) {
      delete child;
      ++destroyed;
    }
    return destroyed;
  }

  Shard* shard_ = nullptr;  // null until a task is spawned or waited for
  List<Child> running_;
  List<Child> ended_;
  std::size_t count_ = 0;  // of running_
  State state_ = State::open;
  Status failure_;
  std::exception_ptr thrown_;
  Suspended waiting_;
};

class TaskScope::Join {
 public:
  Join(Shard& shard, Children& children) noexcept : shard_(shard), children_(children) {}
  Join(const Join&) = delete;
  Join& operator=(const Join&) = delete;
  ~Join() {
    if (waits_) children_.stop_waiting();
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    children_.wait(shard_, waiting);
    waits_ = true;
  }
  Status await_resume() {
    waits_ = false;
    return children_.take_outcome();
  }

 private:
  Shard& shard_;
  Children& children_;
  bool waits_ = false;
};

TaskScope::TaskScope() : children_(std::make_unique<Children>()) {}

TaskScope::~TaskScope() = default;

void TaskScope::spawn(Task<Status> task) {
  task.refuse_lambda();
  children_->spawn(std::move(task));
}

void TaskScope::spawn(Task<> task) {
  task.refuse_lambda();
  children_->spawn(as_status(std::move(task)));
}

Task<Status> TaskScope::join() {
  Shard* const here = Shard::current();
  if (!here)
    co_return fail(Code::FAILED_PRECONDITION,
                   "a scope is joined on a shard: in a handler, or under block_on");
  co_return co_await Join(*here, *children_);
}

void TaskScope::cancel() noexcept { children_->cancel(); }

std::size_t TaskScope::size() const noexcept { return children_->size(); }

}  // namespace ringrpc
