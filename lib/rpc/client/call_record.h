/// The counts of one call of a channel with metrics, and of its attempts (gRFC A66).
///
///   CallRecord record(metrics.of(path, kind), shard.now());        // the call begins
///   record.begin_attempt(shard.now());
///   record.reserve(18);
///   record.send();
///   record.settle_attempt(Code::OK, shard.io().now());
///   record.receive(18);
///   record.end(Code::OK, shard.io().now());
///
/// An attempt begins when the channel takes the call, before there is a connection for it. Every attempt
/// sends all messages of the call, and only the last one receives any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "observe/call_metrics.h"
#include "rpc/metrics/channel_metrics.h"

namespace ringrpc {

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
  void receive(std::size_t bytes) noexcept {
    metrics_.receive_message();
    traffic_.received_bytes += bytes;
  }
  /// The message that was received is not of the method's type.
  void reject() noexcept { metrics_.reject_message(); }

  /// A hedged attempt that is under way counts as cancelled, and is not followed any further.
  void begin_attempt(Instant now) noexcept {
    fail_attempt(Code::CANCELLED, now);
    attempts_.start();
    attempt_ = {.state = Attempt::State::under_way, .begun = now};
  }
  /// The attempt, if one is under way, has failed. Another one may begin.
  void fail_attempt(Code code, Instant now) noexcept {
    settle_attempt(code, now);
    end_attempt(nullptr);
  }
  /// The outcome of the attempt, if one is under way, is known. Responses may still be received.
  void settle_attempt(Code code, Instant now) noexcept {
    if (attempt_.state != Attempt::State::under_way) return;
    attempt_.state = Attempt::State::settled;
    attempt_.code = code;
    attempt_.duration = now - attempt_.begun;
  }

  /// The call has ended; no effect if that is known already.
  /// `sampled` is the place of its span, or null.
  void end(Code code, Instant now, const TraceContext* sampled = nullptr) noexcept {
    if (std::exchange(ended_, true)) return;
    settle_attempt(code, now);
    count_end(metrics_, code, now - begun_, sampled);
    end_attempt(sampled);
  }

 private:
  struct Attempt {
    enum class State : std::uint8_t { none, under_way, settled };

    State state = State::none;
    Code code = Code::OK;  // these once it is settled
    Nanoseconds duration{};
    Instant begun{};
  };

  void count_end(CallMetrics& metrics, Code code, Nanoseconds duration,
                 const TraceContext* sampled) noexcept {
    sampled ? metrics.end(code, duration, traffic_, *sampled) : metrics.end(code, duration, traffic_);
  }
  void end_attempt(const TraceContext* sampled) noexcept {
    if (std::exchange(attempt_.state, Attempt::State::none) == Attempt::State::settled)
      count_end(attempts_, attempt_.code, attempt_.duration, sampled);
  }

  CallMetrics& metrics_;
  CallMetrics& attempts_;
  const Instant begun_;
  Attempt attempt_;
  CallTraffic traffic_;
  std::size_t reserved_bytes_ = 0;
  std::size_t held_ = 0;
  bool ended_ = false;
};

}  // namespace ringrpc
