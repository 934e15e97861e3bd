/// A coroutine's wait until a channel is connected (Channel::connect). Lives in the frame of that coroutine;
/// belongs to the channel's shard.
#pragma once

#include <coroutine>
#include <utility>

#include "ringrpc/status.h"
#include "ringrpc/suspended.h"

#include "reactor/shard.h"

namespace ringrpc {

struct ConnectWaitTag;

class ConnectWait final : public ListNodeOf<ConnectWaitTag>, private Ready {
 public:
  explicit ConnectWait(Shard& shard) noexcept : shard_(shard) {}

  /// The wait is over; no longer on the channel's list.
  void finish(Status status) {
    ListNodeOf<ConnectWaitTag>::unlink();
    status_ = std::move(status);
    shard_.ready().push(*this);
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept { waiting_ = waiting; }
  Status await_resume() noexcept { return std::move(status_); }

 private:
  void run() override { waiting_.resume(); }

  Shard& shard_;
  Suspended waiting_;
  Status status_;
};

}  // namespace ringrpc
