/// One shard: a loop with its own backend, timers, ready list and memory. Shards share nothing and talk by
/// `post`.
///
///   Shard shard(0, make_uring(options));
///   std::jthread thread([&] { shard.run(); });
///   shard.post([&] { ... });              // runs on the shard
///
/// A turn of the loop, in this order:
/// 1. wait for completions (not sleeping while anything is ready), until the next timer at the latest; the
///    wait may begin with a spin (reactor/spin.h);
/// 2. dispatch completions, then mail, then timers and alarms;
/// 3. run the ready list;
/// 4. call what asked for the end of the turn: each connection flushes here, once.
/// Completions and the ready list have their bounds; what they leave is for the next turn, which does not
/// sleep. Timers wait for completions that are left, since these came first, but not for ever.
///
/// Everything but `post`, `stop` and `load` belongs to the thread that calls `run` or `turn`.
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
#include "reactor/alarm.h"
#include "reactor/io.h"
#include "reactor/ready_list.h"
#include "reactor/spin.h"
#include "reactor/timer.h"

namespace ringrpc {

struct TurnEndTag;

/// Something that wants to run once at the end of the present turn.
class TurnEnd : public ListNodeOf<TurnEndTag> {
 public:
  virtual void on_turn_end() = 0;

 protected:
  ~TurnEnd() = default;
};

/// Something that another layer keeps for itself on each shard that it meets: see Shard::keep.
class ShardLocal {
 public:
  ShardLocal() = default;
  ShardLocal(const ShardLocal&) = delete;
  ShardLocal& operator=(const ShardLocal&) = delete;
  virtual ~ShardLocal() = default;
};

class Shard {
  struct Letter;

 public:
  using Mail = std::move_only_function<void()>;

  /// Mail that has all the memory that posting it takes. Is posted once; what it holds goes with it.
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

  /// `spin` is how long a wait may begin with looking on; not for a clock that stands still meanwhile.
  Shard(unsigned index, std::unique_ptr<Io> io, Nanoseconds spin = Nanoseconds::zero());
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  ~Shard();

  /// The shard whose turn runs on this thread; null elsewhere.
  static Shard* current() noexcept;

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

  /// The time at which this turn last reaped completions: exact enough for deadlines, and free.
  /// The reference stays valid with the shard.
  const Instant& now() const noexcept { return now_; }

  /// Asks for `on_turn_end` at the end of this turn; no effect when it was asked for already.
  void at_turn_end(TurnEnd& flush) noexcept {
    assert(accessible());
    if (!flush.linked()) turn_ends_.push_back(flush);
  }

  /// What is kept here under `key`; null when nothing is.
  ShardLocal* local(const void* key) const noexcept {
    const auto found = locals_.find(key);
    return found == locals_.end() ? nullptr : found->second.get();
  }
  /// Keeps `kept` under `key`, which nothing else is kept under, until `drop` or the end of the shard. What
  /// is left then is destroyed before all else of the shard, on its thread, when no turn runs any more.
  void keep(const void* key, std::unique_ptr<ShardLocal> kept);
  /// Destroys what is kept under `key`, if anything is.
  void drop(const void* key);

  /// Runs `mail` on this shard, in the order of posting of each thread. From any thread; wakes the shard if
  /// it sleeps. Mail posted after the loop has ended is destroyed with the shard, unrun.
  void post(Mail mail);
  /// The same, without any memory: for who must not fail to post.
  void post(SealedMail mail) noexcept;

  /// One turn; sleeps in it only when `may_sleep` and nothing is ready, until `until` at the latest.
  void turn(bool may_sleep = true, Instant until = never);

  /// Turns until `stop`, then returns. Sets `current` for this thread.
  void run();

  /// Ends `run` after the present turn. From any thread.
  void stop() noexcept;

  /// Jobs of this shard's coroutines that other threads have and will answer by mail: time that is simulated
  /// waits for them. Belongs to the shard's thread.
  unsigned& jobs_elsewhere() noexcept { return jobs_elsewhere_; }
  bool has_mail() const noexcept { return mailbox_.load(std::memory_order_relaxed) != nullptr; }

  /// How many connections this shard serves, for handing new ones to the least-loaded; read from any thread.
  std::atomic<std::uint32_t>& load() noexcept { return load_; }

 private:
  /// Whether no other shard runs on this thread.
  bool accessible() const noexcept {
    const Shard* const running = current();
    return !running || running == this;
  }
  void rouse() noexcept;
  bool called() const noexcept;
  void rest(Instant until);
  bool look_on(Instant until);
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
  unsigned jobs_elsewhere_ = 0;
  unsigned turns_behind_ = 0;  ///< one after the other that left completions
  std::unordered_map<const void*, std::unique_ptr<ShardLocal>> locals_;
  alignas(64) std::atomic<Letter*> mailbox_{nullptr};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint32_t> load_{0};
};

}  // namespace ringrpc
