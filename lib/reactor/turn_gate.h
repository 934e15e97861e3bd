/// Limits the expensive steps in each turn of a shard. A step that finds no room waits for one of the next
/// turns; between turns the shard receives and sends.
///
///   static constexpr char steps = 0;                       // its address is the gate's name
///   TurnGate& gate = TurnGate::of(shard, &steps, 16);
///   if (!gate.take()) gate.wait(waiter, key);              // waiter.run() then has its share
///
/// Waiting peers take turns, whatever the number of their waiters. The waiters of one peer are served first
/// come, first served. So a peer with a thousand waiters delays a waiter of another peer by one step.
///
/// Belongs to the shard's thread and lives as long as the shard.
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
  /// An object that waits for a share. Destroying it leaves the queue.
  class Waiter : public ListNodeOf<TurnGateTag> {
   public:
    virtual void run() = 0;

   protected:
    ~Waiter() = default;
  };

  /// The gate with that name on `shard`. Creates one with `shares` per turn if there is none.
  static TurnGate& of(Shard& shard, const void* name, unsigned shares) {
    if (ShardLocal* const kept = shard.local(name)) return static_cast<TurnGate&>(*kept);
    auto made = std::make_unique<TurnGate>(shard, shares);
    TurnGate& gate = *made;
    shard.keep(name, std::move(made));
    return gate;
  }

  TurnGate(Shard& shard, unsigned shares) noexcept : shard_(shard), shares_(shares) {}

  /// Takes a share. False if this turn has none left, or others wait for one.
  bool take() noexcept { return turns_.empty() && take_share(); }

  /// Returns a share whose step turned out not to be expensive, so that another can use it.
  void put_back() noexcept {
    if (taken_ > 0) --taken_;
    if (!turns_.empty()) shard_.ready().push(*this);
  }

  /// Runs `waiter` from the ready list when there is a share for it. `peer` is the waiter's peer.
  void wait(Waiter& waiter, const PeerKey& peer = {}) {
    Line& line = lines_[peer];
    line.peer = peer;
    line.waiting.push_back(waiter);
    if (!line.linked()) turns_.push_back(line);
  }

  /// The number of peers with waiters, including those whose waiters were destroyed recently.
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

  /// Serves waiters with the shares of the turn in which this runs. A long ready list may delay it to a later
  /// turn, and the shares of several turns must not add up.
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

  /// Removes peers without waiters from the front of the queue.
  void drop_empty_lines() noexcept {
    for (Line* line = turns_.front(); line && line->waiting.empty(); line = turns_.front())
      lines_.erase(lines_.find(line->peer));
  }
  /// The first waiter of the first line, which moves to the end.
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
  ListOf<Line, TurnGateLineTag> turns_;  // the lines of lines_ in order of their turn
};

}  // namespace ringrpc
