#include "ringrpc/turn_share.h"

#include "ringrpc/suspended.h"

#include "reactor/turn_gate.h"

namespace ringrpc {

namespace {

class ShareAwaiter final : public TurnGate::Waiter {
 public:
  explicit ShareAwaiter(TurnGate& gate) noexcept : gate_(gate) {}

  bool await_ready() const noexcept { return gate_.take(); }
  void await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    gate_.wait(*this);
  }
  void await_resume() const noexcept {}

 private:
  void run() override { waiting_.resume(); }

  TurnGate& gate_;
  Suspended waiting_;
};

}  // namespace

Task<> turn_share() {
  static constexpr char name = 0;
  co_await ShareAwaiter(TurnGate::of(Shard::here(), &name, turn_shares));
}

}  // namespace ringrpc
