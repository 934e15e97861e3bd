/// Room for some expensive steps in each turn of a shard: who finds it taken waits for one of the next turns,
/// first come first served, and between turns the shard takes and sends what there is.
///
///   static constexpr char steps = 0;                       // its address is the gate's name
///   TurnGate& gate = TurnGate::of(shard, &steps, 16);
///   if (!gate.take()) gate.wait(waiter);                   // waiter.run() has the room that it waited for
///
/// Belongs to the shard's thread and stays as long as the shard does.
#pragma once

#include <memory>

#include "reactor/shard.h"

namespace ringrpc {

struct TurnGateTag;

class TurnGate final : public ShardLocal, Ready, TurnEnd {
 public:
  /// Something that waits for room; destroying it gives its place up.
  class Waiter : public ListNodeOf<TurnGateTag> {
   public:
    virtual void run() = 0;

   protected:
    ~Waiter() = default;
  };

  /// The gate of that name on `shard`; one with room for `shares` a turn where there was none.
  static TurnGate& of(Shard& shard, const void* name, unsigned shares) {
    if (ShardLocal* const kept = shard.local(name)) return static_cast<TurnGate&>(*kept);
    auto made = std::make_unique<TurnGate>(shard, shares);
    TurnGate& gate = *made;
    shard.keep(name, std::move(made));
    return gate;
  }

  TurnGate(Shard& shard, unsigned shares) noexcept : shard_(shard), shares_(shares) {}

  /// False when this turn's room is all taken, or others wait for room.
  bool take() noexcept { return waiting_.empty() && take_share(); }

  /// For who has a share and finds that there was nothing expensive to do: the next has it.
  void put_back() noexcept {
    if (taken_ > 0) --taken_;
    if (!waiting_.empty()) shard_.ready().push(*this);
  }

  /// `waiter` runs, from the ready list, when it has room.
  void wait(Waiter& waiter) noexcept { waiting_.push_back(waiter); }

 private:
  bool take_share() noexcept {
    if (taken_ == shares_) return false;
    ++taken_;
    shard_.at_turn_end(*this);
    return true;
  }

  /// The shares of the turn that this runs in: where the ready list is long, those of several must not meet.
  void run() override {
    while (!waiting_.empty() && take_share()) waiting_.pop_front()->run();
  }
  void on_turn_end() override {
    taken_ = 0;
    if (!waiting_.empty()) shard_.ready().push(*this);
  }

  Shard& shard_;
  unsigned shares_;
  unsigned taken_ = 0;
  ListOf<Waiter, TurnGateTag> waiting_;
};

}  // namespace ringrpc
