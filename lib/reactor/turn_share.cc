#include "ringrpc/turn_share.h"

#include "reactor/shard.h"

namespace ringrpc {

namespace {

struct GateTag;

/// One that waits for a share.
class ShareWaiter : public Ready, public ListNodeOf<GateTag> {
 protected:
  ~ShareWaiter() = default;
};

/// A shard's shares: how many of this turn are taken, and who waits for those of the next.
class Gate final : public ShardLocal, TurnEnd {
 public:
  explicit Gate(Shard& shard) noexcept : shard_(shard) {}

  static Gate& of(Shard& shard) {
    static constexpr char key = 0;
    if (ShardLocal* const kept = shard.local(&key)) return static_cast<Gate&>(*kept);
    auto made = std::make_unique<Gate>(shard);
    Gate& gate = *made;
    shard.keep(&key, std::move(made));
    return gate;
  }

  /// False when this turn's are all taken.
  bool take() noexcept {
    if (taken_ == turn_shares) return false;
    ++taken_;
    shard_.at_turn_end(*this);
    return true;
  }

  void wait(ShareWaiter& waiter) noexcept { waiting_.push_back(waiter); }

 private:
  void on_turn_end() override {
    taken_ = 0;
    while (!waiting_.empty() && take()) shard_.ready().push(*waiting_.pop_front());
  }

  Shard& shard_;
  unsigned taken_ = 0;
  ListOf<ShareWaiter, GateTag> waiting_;
};

class ShareAwaiter final : public ShareWaiter {
 public:
  explicit ShareAwaiter(Gate& gate) noexcept : gate_(gate) {}

  bool await_ready() const noexcept { return gate_.take(); }
  void await_suspend(std::coroutine_handle<> waiting) noexcept {
    waiting_ = waiting;
    gate_.wait(*this);
  }
  void await_resume() const noexcept {}

 private:
  void run() override { waiting_.resume(); }

  Gate& gate_;
  std::coroutine_handle<> waiting_;
};

}  // namespace

Task<> turn_share() { co_await ShareAwaiter(Gate::of(*Shard::current())); }

}  // namespace ringrpc
