/// The load that one shard makes: its share of a plan's connections and calls.
///
///   Generator generator(shard, plan, 0, events);     // the first thread's, on its shard
///   generator.connect();                             // on_connected
///   generator.begin(now);                            // on_done
///   Measurement measured = generator.take();
///
/// 1. All connections are made before the first call, so that what is measured is calls.
/// 2. Closed loop: each slot begins a call when its last one has ended. Open loop: the schedule says when a
///    call is due; it takes the slot that is free for longest, so that all connections have their share, or
///    the first that gets free, and in both cases its latency counts from when it was due.
/// 3. Calls that were due during the warm-up do not count, whenever they end.
/// 4. A call without an answer at its deadline counts then, and is waited for no more; but it is not
///    cancelled, and its slot stays taken until the answer comes. So what is too much for a server does not
///    cost connections, and what it still works on is not added to.
/// 5. When no more calls are to begin, those in flight are waited for; the deadline bounds that.
/// 6. When all slots are taken by such calls and none has ended for one deadline more, the run is given up;
///    so it is when the server is gone or does not have the method. No more calls begin then.
///
/// Times are those of the shard's turns: a call begins when the turn does that sends it, and ends when the
/// turn does that has found its answer. So no clock is read for a call, and the generator's own work counts
/// as the server's slowness and never as its speed.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "ringrpc/channel.h"

#include "grpcbench/call_slot.h"
#include "grpcbench/dealt.h"
#include "grpcbench/plan.h"
#include "grpcbench/processor_time.h"
#include "grpcbench/tally.h"
#include "grpcbench/timeline.h"
#include "reactor/shard.h"

namespace ringrpc::grpcbench {

/// What one shard found, and the sum over all of them.
struct Measurement {
  std::vector<Tally> tallies;  ///< of each operation
  Timeline timeline;
  Nanoseconds duration{0};  ///< from the end of the warm-up to the end of the last call, or of the schedule
  /// Calls that were due when the run was stopped or given up, in flight or not, and in no tally.
  std::uint64_t unanswered = 0;
  Status fatal;            ///< why the run could not go on
  std::string fatal_call;  ///< the call that it was

  // Of the generator itself, while calls counted.
  std::uint64_t waited_for_slot = 0;  ///< calls that were due and found all slots taken
  std::uint64_t waited_for_turn = 0;  ///< calls with a latency that had a slot and no room on a connection
  CoarseHistogram late;               ///< how late others began that were due, in open loop
  ProcessorTime spent;
  double busiest = 0;       ///< the part of the duration that the busiest thread had its processor
  double most_delayed = 0;  ///< the part of it that a thread had to wait for that; the longest

  void merge(const Measurement& other);
};

/// How far a shard is, for whoever watches from another thread.
struct Live {
  std::atomic<unsigned> connected{0};
  std::atomic<std::uint64_t> succeeded{0};
  std::atomic<std::uint64_t> failed{0};
};

class Generator final : private CallSlot::Owner, private TurnEnd {
 public:
  /// Called on the shard; none of them may destroy the generator.
  struct Events {
    std::function<void(Status)> on_connected;  ///< or why a connection could not be made
    std::function<void()> on_given_up;         ///< the run cannot go on; `on_done` follows
    std::function<void()> on_done;             ///< no call is waited for, and none will be
  };

  /// `index` is that of the thread. `plan` must outlive it.
  Generator(Shard& shard, const Plan& plan, unsigned index, Events events);
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;
  ~Generator();

  void connect();
  /// The run begins at `start`, warm-up first; when that has passed, at once.
  void begin(Instant start);
  /// Begins no more calls; `on_done` follows when those in flight have ended. No effect when the run is over.
  void cease();
  /// Waits no more for what is in flight either; `on_done` follows at once. No effect when the run is over.
  void stop();

  /// Valid after `on_done`.
  Measurement take() { return std::move(measured_); }
  /// From any thread.
  const Live& live() const noexcept { return live_; }

 private:
  /// Calls one of the generator's functions at its time.
  class Bell final : public Alarm {
   public:
    Bell(Generator& of, void (Generator::*rings)()) noexcept : generator_(of), rings_(rings) {}
    void on_alarm() override { (generator_.*rings_)(); }

   private:
    Generator& generator_;
    void (Generator::*rings_)();
  };

  void on_call_ended(CallSlot& slot, CallSlot::Outcome outcome) override;
  void on_turn_end() override { begun_in_turn_ = 0; }

  Task<> connect_one(std::size_t at);
  void begin_counting();
  void start_calls();
  void begin_call(Instant due);
  bool may_begin(Instant due) const noexcept;
  void fill_slots();
  void pace();
  void begin_due(Instant due);
  void count(const CallSlot& slot, const Status& status);
  bool count(std::size_t operation, const Status& status, Instant due);
  void look_for_expired();
  void expire(CallSlot& slot);
  void give_up_if_silent();
  void give_up_if_hopeless(const CallSlot& slot, Status status);
  void give_up(const CallSlot& slot, Status why);
  void begin_no_more();
  void count_backlog();
  void finish_if_done();
  Instant end_of_calls() const;
  void finish(Instant end);

  Shard& shard_;
  const Plan& plan_;
  const Events events_;
  std::vector<Channel> channels_;
  std::vector<Task<>> connecting_;
  bool connect_failed_ = false;

  // A slot is free, or its call is awaited, or that has expired and the slot is on neither list.
  std::deque<CallSlot> slots_;
  List<CallSlot> free_;         // the one that is so for longest first
  List<CallSlot> awaited_;      // in the order in which their calls were due
  std::uint64_t turn_;          // of the operations and their messages; threads begin with different ones
  std::vector<bool> answered_;  // of each operation: whether a call has ever succeeded
  bool starved_ = false;        // a call is due and there was no slot
  /// In closed loop, of those that count.
  std::uint64_t calls_left_ = std::numeric_limits<std::uint64_t>::max();
  std::optional<Schedule> schedule_;
  unsigned begun_in_turn_ = 0;  // of the schedule's calls

  enum class Phase : std::uint8_t { idle, running, done };
  Phase phase_ = Phase::idle;
  Instant start_;
  Instant counting_from_;
  Instant no_calls_from_ = never;
  ProcessorTime before_;
  Bell start_bell_{*this, &Generator::start_calls};
  Bell count_bell_{*this, &Generator::begin_counting};
  Bell pace_bell_{*this, &Generator::pace};
  Bell expiry_bell_{*this, &Generator::look_for_expired};

  Measurement measured_;
  Instant last_end_;
  Instant last_change_;  // when a call ended or expired
  Live live_;
};

}  // namespace ringrpc::grpcbench
