/// Room for some expensive steps in each turn of a shard: who finds it taken waits for one of the next turns,
/// and between turns the shard takes and sends what there is.
///
///   static constexpr char steps = 0;                       // its address is the gate's name
///   TurnGate& gate = TurnGate::of(shard, &steps, 16);
///   if (!gate.take()) gate.wait(waiter, key);              // waiter.run() has the room that it waited for
///
/// Peers that wait have their turns one after the other, whatever the number of their waiters. Those of one
/// peer are served first come first served. So a peer with a thousand waiters delays one of another peer by
/// one step.
///
/// Belongs to the shard's thread and stays as long as the shard does.
#pragma once

#include <map>
#include <memory>

#include "reactor/peer_key.h"
#include "reactor/shard.h"

namespace ringrpc {

struct TurnGateTag;
struct TurnGateLineTag;

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
  bool take() noexcept { return turns_.empty() && take_share(); }

  /// For who has a share and finds that there was nothing expensive to do: the next has it.
  void put_back() noexcept {
    if (taken_ > 0) --taken_;
    if (!turns_.empty()) shard_.ready().push(*this);
  }

  /// `waiter` runs, from the ready list, when it has room; `peer` is whose it is.
  void wait(Waiter& waiter, const PeerKey& peer = {}) {
    Line& line = lines_[peer];
    line.peer = peer;
    line.waiting.push_back(waiter);
    if (!line.linked()) turns_.push_back(line);
  }

  /// Peers of which something waits, or has lately given its place up.
  std::size_t lines() const noexcept { return lines_.size(); }

 private:
  /// The waiters of one peer.
  struct Line : ListNodeOf<TurnGateLineTag> {
    PeerKey peer;
    ListOf<Waiter, TurnGateTag> waiting;
  };

  bool take_share() noexcept {
    if (taken_ == shares_) return false;
    ++taken_;
    shard_.at_turn_end(*this);
    return true;
  }

  /// The shares of the turn that this runs in: where the ready list is long, those of several must not meet.
  void run() override {
    drop_empty_lines();
    while (!turns_.empty() && take_share()) {
      next().run();
      drop_empty_lines();
    }
  }
  void on_turn_end() override {
    taken_ = 0;
    if (!turns_.empty()) shard_.ready().push(*this);
  }

  /// Makes the first line one in which somebody waits, if there is any.
  void drop_empty_lines() noexcept {
    for (Line* line = turns_.front(); line && line->waiting.empty(); line = turns_.front())
      lines_.erase(lines_.find(line->peer));
  }
  /// The first of the first line, which goes to the end.
  Waiter& next() noexcept {
    Line& line = *turns_.pop_front();
    Waiter& waiter = *line.waiting.pop_front();
    turns_.push_back(line);
    return waiter;
  }

  Shard& shard_;
  unsigned shares_;
  unsigned taken_ = 0;
  std::map<PeerKey, Line> lines_;
  ListOf<Line, TurnGateLineTag> turns_;  // of lines_, the next one first
};

}  // namespace ringrpc
