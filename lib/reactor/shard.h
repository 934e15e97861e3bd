/// One shard: a loop with its own backend, timers, ready list and memory. Shards share nothing and
/// communicate through `post`.
///
///   Shard shard(0, make_uring(options));
///   std::jthread thread([&] { shard.run(); });
///   shard.post([&] { ... });              // runs on the shard
///
/// A turn of the loop, in this order:
/// 1. wait for completions until the next timer at the latest, without sleeping if anything is ready; the
///    wait may begin with a spin (reactor/spin.h);
/// 2. dispatch completions, then mail, then timers and alarms;
/// 3. run the ready list;
/// 4. call the objects that asked for the end of the turn: each connection flushes once, here.
/// Completions and the ready list are limited in each turn. The rest is left for the next turn, which does
/// not sleep. Timers wait for completions that are left, since those came first, but only for a limited
/// number of turns.
///
/// Everything except `post`, `stop` and `load` belongs to the thread that calls `run` or `turn`.
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>

#include "ringrpc/clock.h"

#include "base/slab.h"
#include "base/testing_export.h"
#include "reactor/alarm.h"
#include "reactor/io.h"
#include "reactor/ready_list.h"
#include "reactor/spin.h"
#include "reactor/timer.h"

namespace ringrpc {

struct TurnEndTag;

/// An object that wants to run once at the end of the current turn.
class TurnEnd : public ListNodeOf<TurnEndTag> {
 public:
  virtual void on_turn_end() = 0;

 protected:
  ~TurnEnd() = default;
};

/// An object that is told of each turn: see Shard::observe_turns.
class TurnObserver {
 public:
  /// A turn ends. It has taken `busy` since it reaped completions, and has run `ran`
  /// elements of the ready list.
  virtual void on_turn(Nanoseconds busy, unsigned ran) noexcept = 0;

 protected:
  ~TurnObserver() = default;
};

/// An object that another layer keeps on each shard that it uses: see Shard::keep.
class ShardLocal {
 public:
  ShardLocal() = default;
  ShardLocal(const ShardLocal&) = delete;
  ShardLocal& operator=(const ShardLocal&) = delete;
  virtual ~ShardLocal() = default;
};

class ContextSource;

class Shard {
  struct Letter;

 public:
  using Mail = std::move_only_function<void()>;

  /// Mail with all the memory that posting takes. It is posted once and owns its captures.
  class SealedMail {
   public:
    SealedMail() noexcept = default;
    explicit SealedMail(Mail mail);
    SealedMail(SealedMail&& other) noexcept : letter_(std::exchange(other.letter_, nullptr)) {}
    SealedMail& operator=(SealedMail&& other) noexcept {
      std::swap(letter_, other.letter_);
      return *this;
    }
    ~SealedMail();

   private:
    friend Shard;
    Letter* letter_ = nullptr;
  };

  /// `spin` is the longest spin at the start of a wait; use none with a clock that stands still meanwhile.
  RINGRPC_TESTING_EXPORT Shard(unsigned index, std::unique_ptr<Io> io,
                               Nanoseconds spin = Nanoseconds::zero());
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  RINGRPC_TESTING_EXPORT ~Shard();

  /// The shard whose turn runs on this thread; null elsewhere.
  static Shard* current() noexcept;
  /// The same for what must run on a shard. Throws std::logic_error elsewhere.
  static Shard& here();

  unsigned index() const noexcept { return index_; }
  Io& io() noexcept { return *io_; }
  TimerWheel& timers() noexcept {
    assert(accessible());
    return timers_;
  }
  Alarms& alarms() noexcept { return alarms_; }
  ReadyList& ready() noexcept {
    assert(accessible());
    return ready_;
  }
  SlabPool& slabs() noexcept { return slabs_; }
  const Spin& spin() const noexcept { return spin_; }

  /// The time at which this turn reaped completions: exact enough for deadlines, and free of cost. The
  /// reference is valid as long as the shard.
  const Instant& now() const noexcept { return now_; }

  /// Requests `on_turn_end` at the end of this turn. No effect if it is requested already.
  void at_turn_end(TurnEnd& flush) noexcept {
    assert(accessible());
    if (!flush.linked()) turn_ends_.push_back(flush);
  }

  /// The object kept under `key`; null if there is none.
  ShardLocal* local(const void* key) noexcept {
    if (key == recent_key_) return recent_;
    const auto found = locals_.find(key);
    if (found == locals_.end()) return nullptr;
    recent_key_ = key;
    recent_ = found->second.get();
    return recent_;
  }
  /// Keeps `kept` under the unused `key` until `drop` or the end of the shard. Objects that remain then are
  /// destroyed before the rest of the shard, on its thread, when turns no longer run.
  void keep(const void* key, std::unique_ptr<ShardLocal> kept);
  /// Destroys the object kept under `key`, if there is one.
  void drop(const void* key);

  /// Runs `mail` on this shard, in the order of posting of each thread. From any thread; wakes the shard if
  /// it sleeps. Mail posted after the loop has ended is destroyed with the shard, unrun.
  RINGRPC_TESTING_EXPORT void post(Mail mail);
  /// The same without allocating, for callers that must not fail.
  void post(SealedMail mail) noexcept;

  /// Runs one turn. It sleeps only with `may_sleep` and when nothing is ready, until `until` at the latest.
  RINGRPC_TESTING_EXPORT void turn(bool may_sleep = true, Instant until = never);

  /// The number of turns that have begun.
  std::uint64_t turns() const noexcept { return turns_; }

  /// Tells `observer` of each turn from this one on; null ends that. Costs one
  /// reading of the clock in each turn.
  void observe_turns(TurnObserver* observer) noexcept {
    assert(accessible());
    turn_observer_ = observer;
  }

  /// Runs turns until `stop`. Sets `current` for this thread.
  void run();

  /// Ends `run` after the current turn. From any thread.
  void stop() noexcept;

  /// The source of the context of the code that runs now (reactor/context.h); null if it has none.
  ContextSource*& context_source() noexcept { return context_source_; }

  /// The number of this shard's jobs on other threads, which will finish by mail. Simulated time waits for
  /// them. Belongs to the shard's thread.
  unsigned& jobs_elsewhere() noexcept { return jobs_elsewhere_; }
  bool has_mail() const noexcept { return mailbox_.load(std::memory_order_relaxed) != nullptr; }

  /// The number of connections on this shard, used to choose the least-loaded one. From any thread.
  std::atomic<std::uint32_t>& load() noexcept { return load_; }

 private:
  /// True if no other shard runs on this thread.
  bool accessible() const noexcept {
    const Shard* const running = current();
    return !running || running == this;
  }
  void rouse() noexcept;
  bool called() const noexcept;
  void rest(Instant until);
  bool spin(Instant until);
  void deliver_mail();
  void run_turn_ends();

  unsigned index_;
  SlabPool slabs_;
  std::unique_ptr<Io> io_;
  Spin spin_;
  TimerWheel timers_;
  Alarms alarms_;
  ReadyList ready_;
  ListOf<TurnEnd, TurnEndTag> turn_ends_;
  Instant now_;
  ContextSource* context_source_ = nullptr;
  unsigned jobs_elsewhere_ = 0;
  std::uint64_t turns_ = 0;
  unsigned turns_behind_ = 0;  ///< consecutive turns that left completions
  TurnObserver* turn_observer_ = nullptr;
  std::unordered_map<const void*, std::unique_ptr<ShardLocal>> locals_;
  const void* recent_key_ =
      nullptr;  ///< the latest that was found: a call after another is often of the same channel
  ShardLocal* recent_ = nullptr;
  alignas(64) std::atomic<Letter*> mailbox_{nullptr};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint32_t> load_{0};
};

}  // namespace ringrpc
