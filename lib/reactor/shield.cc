#include "ringrpc/shield.h"

#include <utility>

#include "ringrpc/suspended.h"

#include "reactor/context.h"
#include "reactor/shard.h"

namespace ringrpc::detail {

/// Holds one shielded task until its end. The shard keeps it under its own address until then.
class ShieldKeeper final : public ShardLocal, private TaskObserver, private Ready {
 public:
  ShieldKeeper(Shard& shard, std::shared_ptr<Shielded> shielded) noexcept
      : shard_(shard), shielded_(std::move(shielded)) {}

  /// Runs the task. True if it has ended already.
  bool start() {
    starting_ = true;
    ContextSource* const callers = shard_.context_source();
    detail::Context* const context = callers ? callers->get() : nullptr;
    KeptContext detached(context ? context->detached() : nullptr);
    const ContextScope scope(shard_, &detached);
    shielded_->start(*this);
    starting_ = false;
    return ended_;
  }

  /// Sets the coroutine to resume when the task has ended; null for none.
  void set_waiting(Suspended waiting) noexcept { waiting_ = std::move(waiting); }

 private:
  void on_task_done() override {
    ended_ = true;
    if (!starting_) shard_.ready().push(*this);
  }

  void run() override {
    Suspended waiting = std::move(waiting_);
    shard_.drop(this);
    if (waiting) waiting.resume();
  }

  Shard& shard_;
  std::shared_ptr<Shielded> shielded_;
  Suspended waiting_;
  bool starting_ = false;
  bool ended_ = false;
};

ShieldAwaiter::~ShieldAwaiter() {
  if (keeper_) keeper_->set_waiting({});
}

bool ShieldAwaiter::await_suspend(std::coroutine_handle<> waiting) {
  Shard& shard = Shard::here();
  auto keeper = std::make_unique<ShieldKeeper>(shard, shielded_);
  ShieldKeeper& kept = *keeper;
  shard.keep(&kept, std::move(keeper));
  if (kept.start()) {
    shard.drop(&kept);
    return false;
  }
  keeper_ = &kept;
  kept.set_waiting(waiting);
  return true;
}

}  // namespace ringrpc::detail
