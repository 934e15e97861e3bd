/// The counts of one call of a channel with metrics, and of its attempts (gRFC A66).
///
///   CallRecord record(metrics.of(path, kind), shard.now());        // the call begins
///   record.queue_attempt(shard.now());
///   record.begin_attempt(attempt);
///   record.reserve(18);
///   record.send();
///   record.send_written(attempt);                                  // its stream is open
///   record.settle_attempt(&attempt, Code::OK, shard.io().now());
///   record.receive(attempt, 18);
///   record.end(Code::OK, shard.io().now());
///
/// An attempt counts from when the channel takes the call, before there is a connection for it. Attempts of a
/// hedged call are under way at the same time, and each counts by itself: with its own time, outcome and
/// bytes. An attempt whose outcome is known is counted once no response of it can be read any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "observe/call_metrics.h"
#include "rpc/metrics/channel_metrics.h"

namespace ringrpc {

class CallAttempt;

class CallRecord {
 public:
  /// `method` must outlive it.
  CallRecord(ChannelMetrics::Method& method, Instant now) noexcept
      : metrics_(method.calls), attempts_(method.attempts), begun_(now) {
    metrics_.start();
  }
  CallRecord(const CallRecord&) = delete;
  CallRecord& operator=(const CallRecord&) = delete;

  /// A message of that size is being written.
  void reserve(std::size_t bytes) noexcept { reserved_bytes_ = bytes; }
  /// It has been written as it is, or compressed to `bytes`.
  void send() noexcept { send(reserved_bytes_); }
  void send(std::size_t bytes) noexcept {
    metrics_.send_message();
    traffic_.sent_bytes += bytes;
    for_each([&](Attempt& attempt) {
      if (attempt.state == Attempt::State::sending) attempt.traffic.sent_bytes += bytes;
    });
  }
  /// It has been written to a call that is held. Its size is not settled yet, because it may be compressed.
  void send_held() noexcept {
    metrics_.send_message();
    ++held_;
  }
  /// The messages that were held have this size with their prefixes.
  void settle_held(std::size_t bytes, std::size_t prefix_bytes) noexcept {
    traffic_.sent_bytes += bytes - prefix_bytes * held_;
  }
  /// `from` may have ended, unless the next attempt was queued since.
  void receive(const CallAttempt& from, std::size_t bytes) noexcept {
    metrics_.receive_message();
    traffic_.received_bytes += bytes;
    if (Attempt* const attempt = find(&from)) attempt->traffic.received_bytes += bytes;
  }
  /// The message that was received is not of the method's type.
  void reject() noexcept { metrics_.reject_message(); }

  // An attempt is known by its address, and by null while it waits for a connection, as at most one does.
  /// The channel takes the call for an attempt. Without memory the attempt of a hedged call does not count.
  void queue_attempt(Instant now) noexcept;
  /// The attempt that was queued begins.
  void begin_attempt(const CallAttempt& attempt) noexcept {
    if (Attempt* const queued = find(nullptr)) {
      queued->of = &attempt;
      queued->state = Attempt::State::begun;
    }
  }
  /// The attempt has sent all messages that were written so far.
  void send_written(const CallAttempt& to) noexcept {
    if (Attempt* const attempt = find(&to)) {
      attempt->state = Attempt::State::sending;
      attempt->traffic.sent_bytes = traffic_.sent_bytes;
    }
  }
  /// Its outcome is known; no effect if it was before. Responses may still be received.
  void settle_attempt(const CallAttempt* of, Code code, Instant now) noexcept {
    if (Attempt* const attempt = find(of)) attempt->settle(code, now);
  }
  /// The same, and no response of it will be received.
  void drop_attempt(const CallAttempt* of, Code code, Instant now) noexcept {
    if (Attempt* const attempt = find(of)) {
      attempt->settle(code, now);
      count(*attempt, nullptr);
    }
  }
  /// The same as settle_attempt, of all attempts.
  void settle_attempts(Code code, Instant now) noexcept {
    for_each([&](Attempt& attempt) { attempt.settle(code, now); });
  }
  /// No response of the attempts whose outcome is known will be received: the call goes on with others.
  void drop_settled() noexcept { count_settled(nullptr); }

  /// The call has ended; no effect if that is known already.
  /// `sampled` is the place of its span, or null.
  void end(Code code, Instant now, const TraceContext* sampled = nullptr) noexcept {
    if (std::exchange(ended_, true)) return;
    settle_attempts(code, now);
    count_end(metrics_, code, now - begun_, traffic_, sampled);
    count_settled(sampled);
  }

 private:
  struct Attempt {
    enum class State : std::uint8_t { none, queued, begun, sending, settled };

    void settle(Code outcome, Instant now) noexcept {
      if (state == State::none || state == State::settled) return;
      state = State::settled;
      code = outcome;
      duration = now - begun;
    }

    State state = State::none;
    Code code = Code::OK;  // these two once it is settled
    Nanoseconds duration{};
    const CallAttempt* of = nullptr;
    Instant begun{};
    CallTraffic traffic{};
  };

  template <class Visit>
  void for_each(Visit visit) noexcept {
    visit(first_);
    for (Attempt& attempt : hedged_) visit(attempt);
  }
  /// Null if it has been counted.
  Attempt* find(const CallAttempt* of) noexcept {
    Attempt* found = nullptr;
    for_each([&](Attempt& attempt) {
      const bool settled_in_queue = !of && attempt.state != Attempt::State::queued;
      if (attempt.state != Attempt::State::none && attempt.of == of && !settled_in_queue) found = &attempt;
    });
    return found;
  }

  static void count_end(CallMetrics& metrics, Code code, Nanoseconds duration, const CallTraffic& traffic,
                        const TraceContext* sampled) noexcept {
    sampled ? metrics.end(code, duration, traffic, *sampled) : metrics.end(code, duration, traffic);
  }
  void count(Attempt& attempt, const TraceContext* sampled) noexcept {
    attempt.state = Attempt::State::none;
    count_end(attempts_, attempt.code, attempt.duration, attempt.traffic, sampled);
  }
  void count_settled(const TraceContext* sampled) noexcept {
    for_each([&](Attempt& attempt) {
      if (attempt.state == Attempt::State::settled) count(attempt, sampled);
    });
  }

  CallMetrics& metrics_;
  CallMetrics& attempts_;
  const Instant begun_;
  Attempt first_;                // or one after it, when that has been counted
  std::vector<Attempt> hedged_;  // beside it
  CallTraffic traffic_;
  std::size_t reserved_bytes_ = 0;
  std::size_t held_ = 0;
  bool ended_ = false;
};

}  // namespace ringrpc
