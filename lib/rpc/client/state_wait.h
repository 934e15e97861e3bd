/// A coroutine's wait until a channel is in another state (Channel::wait_for_state_change). Lives in the
/// frame of that coroutine; belongs to the channel's shard.
#pragma once

#include <coroutine>

#include "ringrpc/connectivity.h"

#include "reactor/shard.h"

namespace ringrpc {

struct StateWaitTag;

class StateWait final : public ListNodeOf<StateWaitTag>, private Ready {
 public:
  StateWait(Shard& shard, Connectivity from) noexcept : shard_(shard), from_(from) {}

  Connectivity from() const noexcept { return from_; }
  /// The wait is over; no longer on the channel's list.
  void finish(Connectivity state) noexcept {
    ListNodeOf<StateWaitTag>::unlink();
    state_ = state;
    shard_.ready().push(*this);
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept { waiting_ = waiting; }
  Connectivity await_resume() const noexcept { return state_; }

 private:
  void run() override { waiting_.resume(); }

  Shard& shard_;
  const Connectivity from_;
  std::coroutine_handle<> waiting_;
  Connectivity state_ = Connectivity::idle;
};

}  // namespace ringrpc
