/// Generates one shard's share of a plan's connections and calls.
///
///   Generator generator(shard, plan, 0, events);     // the first thread's, on its shard
///   generator.connect();                             // on_connected
///   generator.begin(now);                            // on_done
///   Measurement measured = generator.take();
///
/// 1. All connections are made before the first call, so that only calls are measured.
/// 2. Closed loop: each slot begins a call when its previous one has ended. Open loop: the schedule says when
///    a call is due. It takes the slot that has been free for longest, so that all connections are used, or
///    the first that becomes free. In both cases its latency counts from the time at which it was due.
/// 3. Calls that were due during the warm-up do not count, whenever they end. Streams that are open after it do.
/// 4. A call without a response at its deadline is counted then. It is not cancelled, and its slot stays
///    taken until the response comes. So an overloaded server loses no connections to cancellations, and no
///    new calls are added to those that it still works on.
/// 5. When no more calls begin, the run waits for those in flight, at most until their deadlines. It does not wait
///    for endless streams: such a stream has had a message, and no stream of its method has ended yet. They count as open,
///    and in a run with a duration they have no deadline.
/// 6. A plan with templates fills the messages and headers of a call when it begins.
/// 7. The run ends early when all slots have expired calls and none has ended for one more deadline, when the
///    server cannot be reached or does not have the method, or when a filled message is not valid. No more calls begin then.
///    A plan may keep going instead when the server cannot be reached: in closed loop, calls then begin every 10 ms.
///
/// Times are those of the shard's turns: a call begins at the start of the turn that sends it and ends at the
/// start of the turn that finds its response. So no call reads the clock, and the generator's own work can
/// only make the server look slower, never faster.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "ringrpc/channel.h"

#include "grpcbench/backends.h"
#include "grpcbench/call_slot.h"
#include "grpcbench/dealt.h"
#include "grpcbench/filler.h"
#include "grpcbench/plan.h"
#include "grpcbench/processor_time.h"
#include "grpcbench/tally.h"
#include "grpcbench/timeline.h"
#include "reactor/shard.h"

namespace ringrpc::grpcbench {

/// The measurements of one shard, or the sum over all shards.
struct Measurement {
  std::vector<Tally> tallies;  ///< one for each operation
  Backends backends;
  Timeline timeline;
  Nanoseconds duration{0};  ///< from the end of the warm-up to the end of the last call, or of the schedule
  /// Calls that were due when the run was stopped or ended early, in flight or not; they are in no tally.
  std::uint64_t without_response = 0;
  Status fatal;            ///< why the run ended early
  std::string fatal_call;  ///< the method of the call that caused it

  // About the generator itself, while calls counted.
  std::uint64_t waited_for_slot = 0;  ///< calls that were due and found all slots taken
  std::uint64_t waited_for_turn = 0;  ///< calls with a latency that had a slot and waited for a stream
  CoarseHistogram late;               ///< how late the other calls began, in open loop
  ProcessorTime spent;
  double busiest = 0;       ///< the part of the duration that the busiest thread ran, 0 to 1
  double most_delayed = 0;  ///< the largest part that a thread waited for a processor, 0 to 1

  void merge(const Measurement& other);
};

/// The progress of a shard, readable from another thread.
struct Live {
  std::atomic<unsigned> connected{0};
  std::atomic<std::uint64_t> succeeded{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::uint64_t> messages_received{0};  ///< of methods with streams
};

class Generator final : private CallSlot::Owner, private TurnEnd {
 public:
  /// Called on the shard; none of them may destroy the generator.
  struct Events {
    std::function<void(Status)> on_connected;  ///< all connections are made, or one has failed
    std::function<void()> on_ended_early;      ///< the run cannot go on; `on_done` follows
    std::function<void()> on_done;             ///< no call is in flight, and none will begin
  };

  /// `index` is the thread's number. `plan` must outlive the generator.
  Generator(Shard& shard, const Plan& plan, unsigned index, Events events);
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;
  ~Generator();

  void connect();
  /// Begins the run, with its warm-up, at `start`, or at once if that time has passed.
  void begin(Instant start);
  /// Begins no more calls; `on_done` follows when those in flight have ended. No effect after the run.
  void cease();
  /// Does not even wait for calls in flight; `on_done` follows at once. No effect after the run.
  void stop();

  /// Valid after `on_done`.
  Measurement take() { return std::move(measured_); }
  /// From any thread.
  const Live& live() const noexcept { return live_; }

 private:
  /// An alarm that calls a member function of the generator.
  class Bell final : public Alarm {
   public:
    Bell(Generator& of, void (Generator::*rings)()) noexcept : generator_(of), rings_(rings) {}
    void on_alarm() override { (generator_.*rings_)(); }

   private:
    Generator& generator_;
    void (Generator::*rings_)();
  };

  void on_messages(CallSlot& slot, const Traffic& traffic) override;
  void on_call_ended(CallSlot& slot, CallSlot::Outcome outcome) override;
  std::size_t backend_of(std::string_view address) override { return measured_.backends.index_of(address); }
  void on_turn_end() override { begun_in_turn_ = 0; }

  Task<> connect_one(std::size_t at);
  void begin_counting();
  void start_calls();
  void begin_call(Instant due);
  bool may_begin(Instant due) const noexcept;
  void fill_slots();
  void end_rest();
  void pace();
  void begin_due(Instant due);
  void count(const CallSlot& slot, const Status& status, std::size_t backend);
  bool count(std::size_t operation, const Status& status, Instant due, std::size_t backend);
  void look_for_expired();
  void expire(CallSlot& slot);
  bool endless(const CallSlot& slot) const;
  void note_end_of_stream(const CallSlot& slot);
  void end_duration();
  void leave_open();
  void end_if_silent();
  void end_if_hopeless(const CallSlot& slot, Status status);
  void end_early(std::size_t operation, Status why);
  void begin_no_more();
  void count_backlog();
  void finish_if_done();
  Instant end_of_calls() const;
  void finish(Instant end);

  Shard& shard_;
  const Plan& plan_;
  const Events events_;
  const Dealt dealt_;
  std::vector<Channel> channels_;
  std::vector<Task<>> connecting_;
  bool connect_failed_ = false;

  // A slot is in free_, or its call is in awaited_ or overdue_, or its call has expired or counts as open, and the slot is
  // in no list.
  std::deque<CallSlot> slots_;
  List<CallSlot> free_;           // in the order in which they became free
  List<CallSlot> awaited_;        // in the order in which their calls were due
  List<CallSlot> overdue_;        // endless streams beyond the deadline
  std::uint64_t turn_;            // selects operations and messages; threads start with different ones
  std::optional<Filler> filler_;  // if the plan has templates
  std::uint64_t begun_ = 0;       // calls
  std::vector<bool> responded_;   // for each operation: whether a call has succeeded
  bool starved_ = false;          // a call is due and no slot is free
  /// Calls still to make in closed loop, not counting the warm-up.
  std::uint64_t calls_left_ = std::numeric_limits<std::uint64_t>::max();
  std::optional<Schedule> schedule_;
  unsigned begun_in_turn_ = 0;  // scheduled calls

  enum class Phase : std::uint8_t { idle, running, done };
  Phase phase_ = Phase::idle;
  Instant start_;
  Instant counting_from_;
  Instant no_calls_from_ = never;
  ProcessorTime before_;
  Bell start_bell_{*this, &Generator::start_calls};
  Bell count_bell_{*this, &Generator::begin_counting};
  Bell rest_bell_{*this, &Generator::end_rest};
  Bell pace_bell_{*this, &Generator::pace};
  Bell expiry_bell_{*this, &Generator::look_for_expired};
  Bell duration_bell_{*this, &Generator::end_duration};

  Measurement measured_;
  Instant last_end_;
  Instant last_change_;  // when a call ended or expired
  Live live_;
};

}  // namespace ringrpc::grpcbench
