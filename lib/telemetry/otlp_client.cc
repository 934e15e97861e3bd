#include "telemetry/otlp_client.h"

#include <algorithm>
#include <utility>

#include "ringrpc/log.h"
#include "ringrpc/sleep.h"
#include "ringrpc/status_details.h"

#include "telemetry/otlp.pb.h"

namespace ringrpc::telemetry {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds first_wait = 1s;
constexpr Nanoseconds longest_wait = 10s;
constexpr double jitter = 0.2;

/// A collector's response is small, and its message is logged.
constexpr std::size_t response_bytes_max = 64 * 1024;
constexpr std::size_t logged_bytes_max = 256;

ChannelOptions channel_options(const OtlpOptions& options) {
  return {.max_message_bytes = response_bytes_max,
          .backoff = {.max = std::chrono::duration_cast<std::chrono::milliseconds>(longest_wait)},
          .tls = options.tls,
          .max_connections = 1,
          .log_outages = false};  // Outage logs them
}

constexpr std::string_view path_of(TelemetrySignal signal) noexcept {
  return signal == TelemetrySignal::traces
             ? "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
             : "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
}

constexpr std::string_view name_of(TelemetrySignal signal) noexcept {
  return signal == TelemetrySignal::traces ? "traces" : "metrics";
}

constexpr std::string_view items_of(TelemetrySignal signal) noexcept {
  return signal == TelemetrySignal::traces ? "spans" : "data points";
}

/// The wait that the collector asks for; nothing if it does not.
std::optional<Nanoseconds> wait_asked_for(const Status& status) {
  for (const google::protobuf::Any& detail : details_of(status)) {
    otlp::v1::RetryInfo retry;
    if (!detail.type_url().ends_with("/google.rpc.RetryInfo") || !retry.ParseFromString(detail.value()))
      continue;
    const std::int64_t seconds = std::clamp<std::int64_t>(retry.retry_delay().seconds(), 0, 24 * 3600);
    const std::int32_t nanos = std::clamp(retry.retry_delay().nanos(), 0, 999'999'999);
    return std::chrono::seconds(seconds) + Nanoseconds(nanos);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Nanoseconds> retry_delay(const Status& status, Nanoseconds wait) {
  const std::optional<Nanoseconds> asked = wait_asked_for(status);
  switch (status.code()) {
    case Code::CANCELLED:
    case Code::DEADLINE_EXCEEDED:
    case Code::ABORTED:
    case Code::OUT_OF_RANGE:
    case Code::UNAVAILABLE:
    case Code::DATA_LOSS:
      return asked.value_or(wait);
    case Code::RESOURCE_EXHAUSTED:
      return asked;
    default:
      return std::nullopt;
  }
}

OtlpClient::OtlpClient(TelemetrySignal signal, const OtlpOptions& options)
    : signal_(signal),
      options_(options),
      channel_(options.target, channel_options(options)),
      outage_(name_of(signal), options_.target) {
  random_.seed(static_cast<std::uint32_t>(now().time_since_epoch().count()));
}

Task<Result<std::uint64_t>> OtlpClient::send(EncodedRequest request, std::uint64_t items,
                                             Nanoseconds timeout) {
  const Instant end = after(now(), timeout);
  TelemetryCounts& counts = TelemetryCounts::of_process();
  for (Nanoseconds wait = first_wait;; wait = std::min(2 * wait, longest_wait)) {
    take_hurry();
    const CallOptions options{.timeout = options_.timeout,
                              .metadata = options_.headers,
                              .compression = options_.compression,
                              .deadline = end,
                              .inherit = false};
    const auto response = co_await channel_.unary<EncodedRequest::View, otlp::v1::ExportResponse>(
        path_of(signal_), request.view(), options);
    if (response) {
      counts.exported(signal_, true);
      co_return rejected(response->partial_success().rejected(), response->partial_success().error_message(),
                         items);
    }
    outage_.failed(response.error().to_string(), now());
    const std::optional<Nanoseconds> delay = retry_delay(response.error(), jittered(wait));
    if (!delay || after(now(), *delay) >= end) {
      counts.exported(signal_, false);
      co_return std::unexpected(response.error());
    }
    note_refusal(response.error());
    co_await hurried_.past(hurries_taken_, *delay);
  }
}

/// A request in a hurry does not get the last failure of a channel that waits before it connects again: a new channel
/// connects at once.
void OtlpClient::take_hurry() {
  const std::uint64_t hurries = hurried_.count();
  if (std::exchange(hurries_taken_, hurries) == hurries) return;
  if (channel_.state() == Connectivity::transient_failure)
    channel_ = Channel(options_.target, channel_options(options_));
}

/// A collector that is slow, or that says when to come again, may still take the request in time.
void OtlpClient::note_refusal(const Status& failure) {
  if (hurries_taken_ != hurried_.count()) return;  // the request may be older than the hurry
  if (failure.code() == Code::DEADLINE_EXCEEDED && failure.initiator() == Initiator::library) return;
  const std::optional<Nanoseconds> asked = wait_asked_for(failure);
  if (asked && after(now(), *asked) < awaited_until_) return;
  refusal_ = failure;
  refusals_.notify();
}

Task<Status> OtlpClient::until_refused(Instant end) {
  awaited_until_ = end;
  const std::uint64_t seen = refusals_.count();
  hurried_.notify();
  co_await refusals_.past(seen);
  co_return refusal_;
}

/// The number as far as it can be true. A partial success is logged, also one without
/// rejections, which is advice.
std::uint64_t OtlpClient::rejected(std::int64_t number, std::string_view why, std::uint64_t items) {
  const std::uint64_t counted =
      std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(number, 0)), items);
  if (counted == 0 && why.empty()) return 0;
  if (const auto left_out = rejections_logged_.take(now()))
    log::warn("telemetry: {} rejected {} of {} {}: {}{}", log::Field("target", std::string_view(target())),
              counted, items, items_of(signal_), why.substr(0, logged_bytes_max), left_out->words());
  return counted;
}

Nanoseconds OtlpClient::jittered(Nanoseconds wait) {
  std::uniform_real_distribution<double> factor(1 - jitter, 1 + jitter);
  return Nanoseconds(static_cast<std::int64_t>(static_cast<double>(wait.count()) * factor(random_)));
}

}  // namespace ringrpc::telemetry
