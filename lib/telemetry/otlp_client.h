/// Sends the requests of one signal to the collector, one at a time.
///
///   OtlpClient client(TelemetrySignal::traces, options);
///   Result<std::uint64_t> rejected = co_await client.send(std::move(request), 512, 30s);
///
/// A request that fails with a code that permits it is sent again, with a growing wait or the one that the
/// collector asks for (https://opentelemetry.io/docs/specs/otlp/#failures). Its calls are neither traced nor
/// counted. The first request of an outage that fails is logged, with its cause, before it is sent again.
/// Belongs to the exporter's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "ringrpc/channel.h"
#include "ringrpc/event_count.h"
#include "ringrpc/telemetry.h"

#include "base/log_quota.h"
#include "observe/telemetry_counts.h"
#include "telemetry/encoded_request.h"
#include "telemetry/outage.h"

namespace ringrpc::telemetry {

/// The time to wait before a request that failed with `status` is sent again: that of the collector's
/// RetryInfo, else `wait`. Nothing if it must not be sent again.
std::optional<Nanoseconds> retry_delay(const Status& status, Nanoseconds wait);

class OtlpClient {
 public:
  OtlpClient(TelemetrySignal signal, const OtlpOptions& options);

  /// `items` are the spans or data points of the request. Gives the number of those that the collector has
  /// rejected; fails with the last status after `timeout`, or at once if the request must not be sent again.
  Task<Result<std::uint64_t>> send(EncodedRequest request, std::uint64_t items, Nanoseconds timeout);

  /// Sends a request again at once that waits for that, over a new connection if the last one failed, and waits until
  /// one that was sent since then fails and is sent again later. Gives that failure. A response that is late does not
  /// count, nor one that asks for the request again before `end`.
  Task<Status> until_refused(Instant end);

  const std::string& target() const noexcept { return options_.target; }
  /// For further causes of an outage, and for its end.
  Outage& outage() noexcept { return outage_; }

 private:
  std::uint64_t rejected(std::int64_t number, std::string_view why, std::uint64_t items);
  void take_hurry();
  void note_refusal(const Status& failure);
  Nanoseconds jittered(Nanoseconds wait);

  const TelemetrySignal signal_;
  const OtlpOptions options_;
  Channel channel_;
  Outage outage_;
  std::minstd_rand random_;
  EventCount hurried_;  // ends the wait before a request is sent again
  std::uint64_t hurries_taken_ = 0;
  EventCount refusals_;    // of `refusal_`
  Instant awaited_until_;  // the `end` of the last `until_refused`
  Status refusal_;
  LogQuota rejections_logged_;
};

}  // namespace ringrpc::telemetry
