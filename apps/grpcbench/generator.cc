#include "grpcbench/generator.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

/// Connection attempts in progress at the same time; a server's accept queue is limited.
constexpr std::size_t connects_at_once = 64;
/// Due calls that begin in one turn, at whose end they are sent. If all of them were sent at once, the server
/// would first idle and then let them wait for each other.
constexpr unsigned calls_at_once = 32;
/// The number of checks for expired calls within the length of the deadline.
constexpr int checks_per_deadline = 20;
constexpr Nanoseconds check_interval_min = 1ms;
/// A slot that could begin the next call at once would keep the processor busy with calls that fail.
constexpr Nanoseconds rest_in_outage = 10ms;

template <class Number>
void add(std::atomic<Number>& counter, Number number) noexcept {
  // Only one thread writes, so no read-modify-write is needed.
  counter.store(counter.load(std::memory_order_relaxed) + number, std::memory_order_relaxed);
}

template <class Number>
void add_one(std::atomic<Number>& counter) noexcept {
  add(counter, Number{1});
}

/// True if connecting failed. A lost connection has the peer as initiator.
bool unreachable(const Status& status) {
  return status.code() == Code::UNAVAILABLE && status.initiator() == Initiator::library;
}

}  // namespace

void Measurement::merge(const Measurement& other) {
  tallies.resize(std::max(tallies.size(), other.tallies.size()));
  for (std::size_t at = 0; at < other.tallies.size(); ++at) tallies[at].merge(other.tallies[at]);
  backends.merge(other.backends);
  timeline.merge(other.timeline);
  duration = std::max(duration, other.duration);
  without_response += other.without_response;
  if (fatal.ok()) {
    fatal = other.fatal;
    fatal_call = other.fatal_call;
  }
  waited_for_slot += other.waited_for_slot;
  waited_for_turn += other.waited_for_turn;
  late.merge(other.late);
  spent += other.spent;
  busiest = std::max(busiest, other.busiest);
  most_delayed = std::max(most_delayed, other.most_delayed);
}

Generator::Generator(Shard& shard, const Plan& plan, unsigned index, Events events)
    : shard_(shard),
      plan_(plan),
      events_(std::move(events)),
      dealt_{.index = index, .threads = plan.threads, .connections = plan.connections},
      turn_(index),
      responded_(plan.operations.size()) {
  measured_.tallies.resize(plan.operations.size());
  if (Filler::needed(plan)) filler_.emplace(plan);
  if (plan.pace) {
    schedule_.emplace(*plan.pace, dealt_, plan.warmup, plan.calls);
  } else if (plan.calls) {
    calls_left_ = dealt_.own_calls(*plan.calls);
  }
  channels_.reserve(dealt_.own_connections());
  connecting_.reserve(dealt_.own_connections());
  while (channels_.size() < dealt_.own_connections()) channels_.emplace_back(plan.server, plan.channel);
  // The first stream of every connection comes before the second of any, so that a few calls spread over all
  // connections.
  CallSlot::Owner& owner = *this;
  for (unsigned stream = 0; stream < plan.streams; ++stream) {
    unsigned connection = dealt_.index;
    for (const Channel& channel : channels_) {
      slots_.emplace_back(shard, channel, owner, stream * plan.connections + connection);
      connection += dealt_.threads;
    }
  }
}

Generator::~Generator() {
  for (CallSlot& slot : slots_) slot.drop();
}

/// Makes the first connection alone: when it fails, the others are not tried, and the failure is not mistaken
/// for the server's limit of connections.
void Generator::connect() {
  const std::size_t at_once = live_.connected == 0 ? 1 : connects_at_once;
  while (!connect_failed_ && connecting_.size() < std::min(channels_.size(), live_.connected + at_once)) {
    connecting_.push_back(connect_one(connecting_.size()));
    connecting_.back().start();
  }
}

Task<> Generator::connect_one(std::size_t at) {
  Status status = co_await channels_[at].connect();
  if (connect_failed_) co_return;
  if (!status.ok()) {
    connect_failed_ = true;
    events_.on_connected(std::move(status));
    co_return;
  }
  add_one(live_.connected);
  if (live_.connected == channels_.size()) {
    events_.on_connected(Status());
  } else {
    connect();
  }
}

void Generator::begin(Instant start) {
  start_ = start;
  counting_from_ = after(start, plan_.warmup);
  if (plan_.duration) {
    no_calls_from_ = std::min(no_calls_from_, after(counting_from_, *plan_.duration));
    shard_.alarms().arm(duration_bell_, no_calls_from_);
  }
  last_end_ = counting_from_;
  last_change_ = start;
  phase_ = Phase::running;
  shard_.alarms().arm(count_bell_, counting_from_);  // before start_bell_, if both are due at once
  shard_.alarms().arm(start_bell_, start);
  for (CallSlot& slot : slots_) free_.push_back(slot);
}

void Generator::begin_counting() { before_ = ProcessorTime::of_this_thread(); }

void Generator::start_calls() {
  look_for_expired();
  if (!schedule_) fill_slots();
  finish_if_done();
}

/// True if a call that is due at `due` is part of the run.
bool Generator::may_begin(Instant due) const noexcept {
  const bool some_left = schedule_ ? !schedule_->over() : calls_left_ > 0 || due < counting_from_;
  return phase_ == Phase::running && due < no_calls_from_ && some_left;
}

void Generator::fill_slots() {
  if (rest_bell_.armed()) return;
  while (!free_.empty() && may_begin(shard_.now())) begin_call(shard_.now());
}

void Generator::end_rest() {
  fill_slots();
  finish_if_done();
}

/// Begins the due calls as far as slots are free, and arms the alarm for the next.
void Generator::pace() {
  for (;;) {
    const Instant due = start_ + schedule_->next();
    if (!may_begin(due)) return finish_if_done();
    if (due > shard_.now()) {
      starved_ = false;
      return shard_.alarms().arm(pace_bell_, due);
    }
    if (shard_.now() - due >= plan_.deadline) {
      // The call has expired already; sending it would only add to the server's load.
      count(turn_++ % plan_.operations.size(),
            Status(Code::DEADLINE_EXCEEDED, "not sent before the deadline: all streams were busy",
                   Initiator::library),
            due, backend_of({}));
    } else if (free_.empty()) {
      starved_ = true;
      return;  // the next slot that becomes free takes it
    } else if (begun_in_turn_ == calls_at_once) {
      return shard_.alarms().arm(pace_bell_, due);  // is due in the next turn
    } else {
      begin_due(due);
    }
    schedule_->advance();
  }
}

void Generator::begin_due(Instant due) {
  if (due >= counting_from_ && starved_) ++measured_.waited_for_slot;
  if (due >= counting_from_ && !starved_) measured_.late.record(shard_.now() - due);
  ++begun_in_turn_;
  shard_.at_turn_end(*this);
  begin_call(due);
}

void Generator::begin_call(Instant due) {
  CallSlot& slot = *free_.front();
  const std::size_t count = plan_.operations.size();
  const std::uint64_t turn = turn_++;
  const std::size_t index = count == 1 ? 0 : turn % count;
  const Operation& operation = plan_.operations[index];
  std::span<const RawMessage> messages = operation.of_turn(turn / count);
  const Metadata* headers = &plan_.headers;
  if (filler_) [[unlikely]] {
    const std::uint64_t number = dealt_.number_of(begun_++);
    const Status status = filler_->fill({index, turn / count, number, slot.worker()}, slot.filled());
    if (!status.ok()) return end_early(index, status);
    if (operation.templates) messages = slot.filled().messages;
    if (!plan_.header_templates.empty()) headers = &slot.filled().headers;
  }
  free_.pop_front();
  awaited_.push_back(slot);
  if (due >= counting_from_) --calls_left_;
  slot.begin(index, operation, messages, *headers, due);
}

void Generator::on_messages(CallSlot& slot, const Traffic& traffic) {
  const Instant now = shard_.now();
  if (phase_ != Phase::running || now < counting_from_) return;
  measured_.tallies[slot.operation_index()].traffic += traffic;
  if (traffic.messages_received == 0) return;
  measured_.backends.record_messages(slot.backend(), traffic.messages_received);
  measured_.timeline.record_messages(now - counting_from_, traffic.messages_received);
  add(live_.messages_received, traffic.messages_received);
}

void Generator::on_call_ended(CallSlot& slot, CallSlot::Outcome outcome) {
  if (phase_ != Phase::running || slot.abandoned()) return;
  if (outcome.status.ok()) note_end_of_stream(slot);
  slot.ListNode::unlink();
  last_change_ = shard_.now();
  if (!slot.expired()) count(slot, outcome.status, outcome.backend);
  if (outcome.status.ok() && !slot.expired() && slot.due() >= counting_from_)
    measured_.tallies[slot.operation_index()].traffic += outcome.traffic;
  end_if_hopeless(slot, std::move(outcome.status));
  free_.push_back(slot);
  if (!schedule_) fill_slots();
  if (schedule_ && !pace_bell_.armed()) {
    pace();
  } else {
    finish_if_done();
  }
}

void Generator::count(const CallSlot& slot, const Status& status, std::size_t backend) {
  const bool timed = count(slot.operation_index(), status, slot.due(), backend);
  if (timed && slot.waited_for_turn()) ++measured_.waited_for_turn;
}

/// Counts a call. Returns whether it has a latency.
bool Generator::count(std::size_t operation, const Status& status, Instant due, std::size_t backend) {
  if (due < counting_from_) return false;
  const Instant now = shard_.now();
  last_end_ = now;
  const bool timed = measured_.tallies[operation].record(status, now - due);
  measured_.backends.record(backend, status.ok(), timed ? std::optional(now - due) : std::nullopt);
  if (status.ok()) {
    measured_.timeline.record(now - counting_from_, now - due);
  } else {
    measured_.timeline.record_failure(now - counting_from_, timed ? std::optional(now - due) : std::nullopt);
  }
  add_one(status.ok() ? live_.succeeded : live_.failed);
  return timed;
}

void Generator::look_for_expired() {
  if (phase_ != Phase::running) return;
  const Instant now = shard_.now();
  while (CallSlot* slot = awaited_.front()) {
    if (slot->finished() || now - slot->due() < plan_.deadline) break;
    if (plan_.duration && endless(*slot)) {
      slot->ListNode::unlink();
      overdue_.push_back(*slot);
    } else {
      expire(*slot);
    }
  }
  if (now >= no_calls_from_) leave_open();
  end_if_silent();
  shard_.alarms().arm(expiry_bell_,
                      after(now, std::max(plan_.deadline / checks_per_deadline, check_interval_min)));
  if (schedule_) {
    pace();  // calls that wait for a slot expire, too
  } else {
    finish_if_done();
  }
}

void Generator::expire(CallSlot& slot) {
  slot.ListNode::unlink();
  last_change_ = shard_.now();
  count(slot, slot.expire(), slot.backend());
}

/// True if the end of the run should end the stream: it goes on, and no stream of its method has ended yet.
bool Generator::endless(const CallSlot& slot) const {
  return slot.streaming() && !responded_[slot.operation_index()];
}

/// The streams of a method that ends them have a deadline like other calls.
void Generator::note_end_of_stream(const CallSlot& slot) {
  if (responded_[slot.operation_index()]) return;
  responded_[slot.operation_index()] = true;
  overdue_.for_each([&](CallSlot& other) {
    if (other.operation_index() == slot.operation_index()) expire(other);
  });
}

void Generator::end_duration() {
  leave_open();
  finish_if_done();
}

/// Counts endless streams as open, also those that began in the warm-up, because their messages after it count. During the
/// warm-up it counts none. They are cancelled when the run is over: their cancellation could cost the connection and so the
/// calls that are still awaited.
void Generator::leave_open() {
  bool left = false;
  for (CallSlot& slot : slots_) {
    if (slot.free() || slot.expired() || slot.abandoned() || !endless(slot)) continue;
    slot.ListNode::unlink();
    slot.abandon();
    left = true;
    if (shard_.now() < counting_from_) continue;
    ++measured_.tallies[slot.operation_index()].open;
    measured_.backends.record_open(slot.backend());
  }
  if (!left) return;
  last_end_ = std::max(last_end_, shard_.now());
  if (!free_.empty() || !awaited_.empty()) return;
  count_backlog();  // it would wait for their slots in vain
  no_calls_from_ = Instant::min();
}

/// Ends the run when every slot has an expired call and none has ended for one more deadline.
void Generator::end_if_silent() {
  if (!free_.empty() || !awaited_.empty() || !overdue_.empty() ||
      shard_.now() - last_change_ < plan_.deadline)
    return;
  const bool streams = !plan_.operations[slots_.front().operation_index()].one_response();
  const std::string_view guess =
      streams ? "calls are measured to the end of their streams, and this method may never end its stream; "
                "--duration ends such streams"
              : "the server seems to hang";
  end_early(
      slots_.front().operation_index(),
      Status(Code::DEADLINE_EXCEEDED,
             fmt::format("all {} calls in flight of a thread are beyond the deadline, and none ended for "
                         "{:g} s more: {}",
                         slots_.size(), std::chrono::duration<double>(plan_.deadline).count(), guess)));
}

void Generator::end_if_hopeless(const CallSlot& slot, Status status) {
  if (status.ok()) return;
  const bool missing = status.code() == Code::UNIMPLEMENTED && !responded_[slot.operation_index()];
  const bool lost = unreachable(status);
  if (lost && plan_.keep_going) {
    // Otherwise each call in flight that fails would prolong the rest, during which no call begins.
    if (!schedule_ && !rest_bell_.armed())
      shard_.alarms().arm(rest_bell_, after(shard_.now(), rest_in_outage));
    return;
  }
  if (missing || lost) end_early(slot.operation_index(), std::move(status));
}

void Generator::end_early(std::size_t operation, Status why) {
  if (!measured_.fatal.ok()) return;
  measured_.fatal = std::move(why);
  measured_.fatal_call = plan_.operations[operation].name;
  begin_no_more();
  events_.on_ended_early();
}

void Generator::cease() {
  begin_no_more();
  finish_if_done();
}

void Generator::begin_no_more() {
  count_backlog();
  no_calls_from_ = Instant::min();
  leave_open();
}

/// Counts calls that were due and found no slot: they are part of the load like all others.
void Generator::count_backlog() {
  if (!schedule_) return;
  for (;; schedule_->advance()) {
    const Instant due = start_ + schedule_->next();
    if (due > shard_.now() || !may_begin(due)) return;
    if (due >= counting_from_) ++measured_.without_response;
  }
}

void Generator::finish_if_done() {
  if (phase_ != Phase::running || !awaited_.empty() || !overdue_.empty()) return;
  if (!may_begin(schedule_ ? start_ + schedule_->next() : shard_.now())) finish(end_of_calls());
}

void Generator::stop() {
  if (phase_ == Phase::done) return;
  leave_open();
  awaited_.for_each([this](const CallSlot& slot) {
    if (slot.due() >= counting_from_) ++measured_.without_response;
  });
  count_backlog();
  finish(shard_.now());
}

/// The end of the measured time: the end of the last call or of the schedule, whichever is later, so that a
/// slow rate is reported correctly.
Instant Generator::end_of_calls() const {
  Instant end = no_calls_from_;
  if (schedule_ && schedule_->over()) {
    end = std::min(end, start_ + schedule_->end());
  } else if (calls_left_ == 0) {
    end = last_end_;
  }
  return std::max(last_end_, end);
}

void Generator::finish(Instant end) {
  const bool counted = phase_ == Phase::running && shard_.now() > counting_from_;
  phase_ = Phase::done;
  for (Bell* bell : {&start_bell_, &count_bell_, &rest_bell_, &pace_bell_, &expiry_bell_, &duration_bell_})
    bell->cancel();
  if (counted) {
    measured_.duration = std::max(end, counting_from_) - counting_from_;
    measured_.spent = ProcessorTime::of_this_thread() - before_;
    // A thread that finished early was idle for the rest of the time.
    const Nanoseconds time = std::max(measured_.spent.passed, measured_.duration);
    const auto part = [&](Nanoseconds of_it) {
      return static_cast<double>(of_it.count()) / static_cast<double>(time.count());
    };
    measured_.busiest = part(measured_.spent.running);
    measured_.most_delayed = part(measured_.spent.waiting);
  }
  events_.on_done();
}

}  // namespace ringrpc::grpcbench
