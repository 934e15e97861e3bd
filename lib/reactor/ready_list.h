/// The callbacks and coroutines that run next on a shard.
///
/// Nothing resumes inside the event that made it ready. It is pushed here and runs later in the same turn, or
/// in one of the next turns if the list is long. Destroying an element takes it off the list.
#pragma once

#include <coroutine>
#include <cstddef>

#include "ringrpc/suspended.h"

#include "reactor/intrusive_list.h"

namespace ringrpc {

struct ReadyTag;

/// An element of the list. `run` is called once for each push, when the element is off the list. It may push
/// or destroy the element.
class Ready : public ListNodeOf<ReadyTag> {
 public:
  virtual void run() = 0;
  bool queued() const noexcept { return linked(); }

 protected:
  ~Ready() = default;
};

/// A suspended coroutine as an element. It lives in the awaiter.
class ReadyCoroutine final : public Ready {
 public:
  explicit ReadyCoroutine(std::coroutine_handle<> waiting = {}) noexcept : waiting_(waiting) {}
  void set(std::coroutine_handle<> waiting) noexcept { waiting_ = waiting; }
  void run() override { waiting_.resume(); }

 private:
  Suspended waiting_;
};

class ReadyList {
 public:
  /// No effect if the element is queued already.
  void push(Ready& element) noexcept {
    if (!element.queued()) list_.push_back(element);
  }
  bool empty() const noexcept { return list_.empty(); }

  /// The number of queued elements, counted up to `most`, because counting takes time.
  std::size_t count(std::size_t most) noexcept {
    std::size_t number = 0;
    for (Ready* element = list_.front(); element && number < most; element = list_.after(*element)) ++number;
    return number;
  }

  /// Runs queued elements, and those that they queue, at most `budget`, so that I/O is not starved. Returns
  /// the number that it has run.
  unsigned run(unsigned budget = 256) {
    unsigned ran = 0;
    for (; ran < budget; ++ran) {
      Ready* element = list_.pop_front();
      if (!element) break;
      element->run();
    }
    return ran;
  }

 private:
  ListOf<Ready, ReadyTag> list_;
};

}  // namespace ringrpc
