/// What runs next on a shard: callbacks and coroutines that something has made ready.
///
/// Nothing is resumed from inside the event that made it ready; it is pushed here and runs later in the same
/// turn, or where the list is long in one of the next. Destroying an element takes it off the list.
#pragma once

#include <coroutine>

#include "reactor/intrusive_list.h"

namespace ringrpc {

struct ReadyTag;

/// Something that can be made ready. `run` is called once per push, off the list, and may push or destroy
/// itself.
class Ready : public ListNodeOf<ReadyTag> {
 public:
  virtual void run() = 0;
  bool queued() const noexcept { return linked(); }

 protected:
  ~Ready() = default;
};

/// A suspended coroutine as an element; lives in the awaiter.
class ReadyCoroutine final : public Ready {
 public:
  explicit ReadyCoroutine(std::coroutine_handle<> waiting = {}) noexcept : waiting_(waiting) {}
  void set(std::coroutine_handle<> waiting) noexcept { waiting_ = waiting; }
  void run() override { waiting_.resume(); }

 private:
  std::coroutine_handle<> waiting_;
};

class ReadyList {
 public:
  /// No effect on an element that is queued already.
  void push(Ready& element) noexcept {
    if (!element.queued()) list_.push_back(element);
  }
  bool empty() const noexcept { return list_.empty(); }

  /// Runs what is queued, and what that queues, up to `budget` elements so that I/O is not starved.
  void run(unsigned budget = 256) {
    while (budget-- > 0) {
      Ready* element = list_.pop_front();
      if (!element) return;
      element->run();
    }
  }

 private:
  ListOf<Ready, ReadyTag> list_;
};

}  // namespace ringrpc
