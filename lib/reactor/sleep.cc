#include "ringrpc/sleep.h"

#include <chrono>
#include <coroutine>

#include "ringrpc/suspended.h"

#include "reactor/shard.h"

namespace ringrpc {

namespace {

class TimeAwaiter final : Timer, Ready {
 public:
  TimeAwaiter(Shard& shard, Instant due) noexcept : shard_(shard), due_(due) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept {
    waiting_ = waiting;
    shard_.timers().arm(*this, due_);
  }
  void await_resume() const noexcept {}

 private:
  void on_time() override { shard_.ready().push(*this); }
  void run() override { waiting_.resume(); }

  Shard& shard_;
  Instant due_;
  Suspended waiting_;
};

}  // namespace

Task<> sleep_for(Nanoseconds wait) {
  Shard& shard = Shard::here();
  if (wait.count() <= 0) co_return;
  co_await TimeAwaiter(shard, after(shard.io().now(), wait));
}

Task<> sleep_until(Instant due) {
  Shard& shard = Shard::here();
  if (due > shard.io().now()) co_await TimeAwaiter(shard, due);
}

Instant now() noexcept {
  Shard* const shard = Shard::current();
  return shard ? shard->io().now() : std::chrono::steady_clock::now();
}

}  // namespace ringrpc
