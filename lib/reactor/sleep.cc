#include "ringrpc/sleep.h"

#include "reactor/shard.h"

namespace ringrpc {

namespace {

class TimeAwaiter final : Timer, Ready {
 public:
  TimeAwaiter(Shard& shard, Nanoseconds wait) noexcept : shard_(shard), wait_(wait) {}

  bool await_ready() const noexcept { return wait_.count() <= 0; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept {
    waiting_ = waiting;
    shard_.timers().arm(*this, after(shard_.io().now(), wait_));
  }
  void await_resume() const noexcept {}

 private:
  void on_time() override { shard_.ready().push(*this); }
  void run() override { waiting_.resume(); }

  Shard& shard_;
  Nanoseconds wait_;
  std::coroutine_handle<> waiting_;
};

}  // namespace

Task<> sleep_for(Nanoseconds wait) { co_await TimeAwaiter(*Shard::current(), wait); }

}  // namespace ringrpc
