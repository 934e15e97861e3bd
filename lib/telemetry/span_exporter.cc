#include "telemetry/span_exporter.h"

#include <string>
#include <utility>

#include "ringrpc/sleep.h"

#include "base/caught.h"
#include "telemetry/span_message.h"

namespace ringrpc::telemetry {
namespace {

std::size_t spans_of(const std::vector<SpanBatch>& batches) noexcept {
  std::size_t spans = 0;
  for (const SpanBatch& batch : batches) spans += batch.spans;
  return spans;
}

}  // namespace

SpanExporter::SpanExporter(const TelemetryOptions& options, const otlp::v1::Resource& resource,
                           std::shared_ptr<SpanQueue> queue)
    : options_(options),
      resource_(resource),
      queue_(std::move(queue)),
      client_(TelemetrySignal::traces, options.traces) {}

SpanExporter::~SpanExporter() {
  TelemetryCounts::of_process().dropped(SpanLoss::shutdown, sending_ + next_.spans);
  queue_->close();
}

Task<> SpanExporter::run() {
  for (;;) {
    const std::uint64_t seen = queue_->arrivals().count();
    busy_ = take_some();
    if (busy_) {
      co_await export_some();
    } else {
      idle_.notify();
      co_await queue_->arrivals().past(seen);
    }
  }
}

Task<Status> SpanExporter::export_now() {
  status_ = Status();
  co_await queue_->collect();
  queue_->arrivals().notify();  // the loop notifies `idle_` once it has seen what was collected
  do {
    co_await idle_.past(idle_.count());
  } while (busy_);
  co_return status_;
}

/// Takes batches for a request. False if there are none.
bool SpanExporter::take_some() {
  std::size_t spans = 0;
  std::size_t bytes = 0;
  for (SpanBatch batch = next_.spans > 0 ? std::exchange(next_, {}) : queue_->pop(); batch.spans > 0;
       batch = queue_->pop()) {
    spans += batch.spans;
    bytes += batch.bytes.size();
    if (!taken_.empty() && (spans > options_.max_batch_spans || bytes > request_bytes_max)) {
      next_ = std::move(batch);
      break;
    }
    taken_.push_back(std::move(batch));
  }
  return !taken_.empty();
}

/// Fails also if there is no memory for the request.
Task<Result<std::uint64_t>> SpanExporter::send_taken() {
  try {
    EncodedRequest request = trace_request(resource_, std::move(taken_));
    taken_.clear();
    co_return co_await client_.send(std::move(request), sending_, options_.batch_timeout);
  } catch (...) {
    taken_.clear();
    co_return std::unexpected(caught());
  }
}

Task<> SpanExporter::export_some() {
  const std::size_t spans = sending_ = spans_of(taken_);
  const Result<std::uint64_t> rejected = co_await send_taken();
  sending_ = 0;
  TelemetryCounts& counts = TelemetryCounts::of_process();
  status_ = rejected ? Status() : rejected.error();
  if (status_.ok()) {
    counts.spans_exported.fetch_add(spans - *rejected, std::memory_order_relaxed);
    counts.dropped(SpanLoss::rejected, *rejected);
  } else {
    counts.dropped(SpanLoss::failed, spans);
    client_.outage().failed(status_.to_string(), now());
  }
  if (queue_->overflowed()) {
    client_.outage().failed("more spans end than the collector takes", now());
  } else if (status_.ok()) {
    client_.outage().succeeded(counts.all_dropped(), now());
  }
}

}  // namespace ringrpc::telemetry
