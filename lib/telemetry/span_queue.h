/// The way of spans from the shards where they end to the thread of the exports.
///
///   auto queue = std::make_shared<SpanQueue>(2048, 5s);
///   if (queue->admits()) begin_span();                // on any shard
///   queue->take(std::move(span));                     // on the same
///   SpanBatch batch = queue->pop();                   // on the thread of the exports
///
/// Each shard collects its spans, as they will be sent, in a batch of its own. It hands a batch over
/// when that is full, or when its first span has waited for long enough. So a span costs no lock and no
/// atomic operation, only a batch does. While `spans_max` spans wait, new spans are not
/// admitted, and spans that end are dropped unencoded, at no cost to their calls. Dropped spans are
/// counted.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "ringrpc/clock.h"
#include "ringrpc/event_count.h"
#include "ringrpc/span.h"
#include "ringrpc/task.h"

#include "base/bounded_queue.h"
#include "observe/telemetry_counts.h"
#include "reactor/shard.h"
#include "telemetry/span_message.h"

namespace ringrpc::telemetry {

/// Always owned by a std::shared_ptr, which every shard with spans shares.
class SpanQueue final : public SpanSink, public std::enable_shared_from_this<SpanQueue> {
 public:
  /// Spans that one shard collects; fewer if fewer may wait.
  static constexpr std::size_t batch_spans = 64;
  static constexpr std::size_t batch_bytes = 256 * 1024;

  /// `spans_max` may wait in batches that were handed over.
  SpanQueue(std::size_t spans_max, Nanoseconds delay, std::size_t batch_max = batch_spans);

  // Spans begin and end on shards only.
  bool admits() noexcept override;
  void take(SpanRecord&& span) noexcept override;

  // On the thread of the exports.
  /// The oldest batch; empty if there is none.
  SpanBatch pop() noexcept;
  /// True if spans were dropped since the last call because too many waited.
  bool overflowed() noexcept { return overflowed_.exchange(false, std::memory_order_relaxed); }
  /// Changes when a batch has been handed over.
  EventCount& arrivals() noexcept { return arrivals_; }
  /// Has all shards hand over what they have collected. Ends when they have.
  Task<> collect();
  /// Drops the spans that wait and all further ones.
  void close() noexcept;

 private:
  class ShardSpans;

  ShardSpans& on(Shard& shard);
  /// True if one more than the `collected` spans of a shard finds room.
  bool has_room(std::size_t collected) const noexcept {
    return waiting_.load(std::memory_order_relaxed) + collected < spans_max_;
  }
  void push(SpanBatch&& batch) noexcept;
  void drop(SpanLoss cause, std::size_t spans) noexcept;
  void drop_overflow(std::size_t spans) noexcept;

  const std::size_t spans_max_;
  const std::size_t batch_max_;
  const Nanoseconds delay_;
  BoundedQueue<std::unique_ptr<SpanBatch>> queue_;
  std::atomic<std::size_t> waiting_ = 0;  // spans in the queue
  std::atomic<bool> overflowed_ = false;
  std::atomic<bool> closed_ = false;
  EventCount arrivals_;
  std::mutex mutex_;
  std::vector<Shard*> homes_;  // shards with a ShardSpans; they do not end while the mutex is held
};

}  // namespace ringrpc::telemetry
