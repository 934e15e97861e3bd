/// The counts of one call of a channel with metrics.
///
///   CallRecord record(metrics, shard.now());        // the call begins
///   record.reserve(18);
///   record.send();
///   record.receive(18);
///   record.end(Code::OK, shard.io().now());
#pragma once

#include <cstddef>
#include <cstdint>

#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "observe/call_metrics.h"

namespace ringrpc {

class CallRecord {
 public:
  /// `metrics` must outlive it.
  CallRecord(CallMetrics& metrics, Instant now) noexcept : metrics_(metrics), begun_(now) { metrics.start(); }
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
  /// The call has ended; no effect if that is known already.
  /// `sampled` is the place of its span, or null.
  void end(Code code, Instant now, const TraceContext* sampled = nullptr) noexcept {
    if (!ended_)
      sampled ? metrics_.end(code, now - begun_, traffic_, *sampled)
              : metrics_.end(code, now - begun_, traffic_);
    ended_ = true;
  }

 private:
  CallMetrics& metrics_;
  const Instant begun_;
  CallTraffic traffic_;
  std::size_t reserved_bytes_ = 0;
  std::size_t held_ = 0;
  bool ended_ = false;
};

}  // namespace ringrpc
