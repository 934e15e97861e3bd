#include "telemetry/span_queue.h"

#include <algorithm>
#include <new>
#include <utility>

#include "reactor/timer.h"

namespace ringrpc::telemetry {

/// The spans that a shard has collected. It keeps the queue, whose address is its key, until the shard ends.
class SpanQueue::ShardSpans final : public ShardLocal, private Timer {
 public:
  ShardSpans(Shard& shard, std::shared_ptr<SpanQueue> queue) : shard_(shard), queue_(std::move(queue)) {
    const std::lock_guard lock(queue_->mutex_);
    queue_->homes_.push_back(&shard_);
  }
  ~ShardSpans() override {
    hand_over();
    const std::lock_guard lock(queue_->mutex_);
    std::erase(queue_->homes_, &shard_);
  }

  /// Counts a span as dropped if too many wait.
  bool admits() noexcept {
    if (queue_->has_room(batch_.spans)) return true;
    drop_one();
    return false;
  }

  /// Throws std::bad_alloc.
  void add(SpanRecord&& span) {
    if (!admits()) return;
    if (batch_.spans == 0) {
      batch_.bytes.reserve(usual_bytes_ + usual_bytes_ / 4);  // so that it seldom grows
      watch();
    }
    batch_.add(std::move(span));
    if (batch_.spans >= queue_->batch_max_ || batch_.bytes.size() >= batch_bytes) hand_over();
  }

  void hand_over() noexcept {
    Timer::cancel();
    report_dropped();
    if (batch_.spans == 0) return;
    usual_bytes_ = batch_.bytes.size();
    queue_->push(std::exchange(batch_, {}));
  }

 private:
  void on_time() override { hand_over(); }
  void watch() {
    if (!Timer::armed()) shard_.timers().arm(*this, after(shard_.now(), queue_->delay_));
  }

  /// The counts of the process are atomic, so they get a number at a time.
  void drop_one() noexcept {
    if (++dropped_ >= batch_spans) return report_dropped();
    watch();
  }
  void report_dropped() noexcept {
    if (dropped_ > 0) queue_->drop_overflow(std::exchange(dropped_, 0));
  }

  Shard& shard_;
  const std::shared_ptr<SpanQueue> queue_;
  SpanBatch batch_;
  std::size_t usual_bytes_ = 0;  // of a batch
  std::size_t dropped_ = 0;      // spans, not reported yet
};

SpanQueue::SpanQueue(std::size_t spans_max, Nanoseconds delay, std::size_t batch_max)
    : spans_max_(spans_max),
      batch_max_(std::min({batch_spans, spans_max, batch_max})),
      delay_(delay),
      queue_(spans_max) {}

bool SpanQueue::admits() noexcept {
  Shard* const shard = Shard::current();
  if (!shard || closed_.load(std::memory_order_relaxed)) {
    drop(SpanLoss::shutdown, 1);
    return false;
  }
  try {
    return on(*shard).admits();
  } catch (const std::bad_alloc&) {
    drop(SpanLoss::queue_full, 1);
    return false;
  }
}

void SpanQueue::take(SpanRecord&& span) noexcept {
  Shard* const shard = Shard::current();
  if (!shard || closed_.load(std::memory_order_relaxed)) return drop(SpanLoss::shutdown, 1);
  try {
    on(*shard).add(std::move(span));
  } catch (const std::bad_alloc&) {
    drop(SpanLoss::queue_full, 1);
  }
}

SpanQueue::ShardSpans& SpanQueue::on(Shard& shard) {
  if (ShardLocal* const kept = shard.local(this)) return static_cast<ShardSpans&>(*kept);
  auto made = std::make_unique<ShardSpans>(shard, shared_from_this());
  ShardSpans& spans = *made;
  shard.keep(this, std::move(made));
  return spans;
}

void SpanQueue::push(SpanBatch&& batch) noexcept {
  const std::size_t spans = batch.spans;
  if (closed_.load(std::memory_order_relaxed)) return drop(SpanLoss::shutdown, spans);
  if (waiting_.fetch_add(spans, std::memory_order_relaxed) + spans <= spans_max_) {
    std::unique_ptr<SpanBatch> handed(new (std::nothrow) SpanBatch(std::move(batch)));
    if (handed && queue_.try_push(std::move(handed))) {
      TelemetryCounts::of_process().spans_queued.fetch_add(spans, std::memory_order_relaxed);
      return arrivals_.notify();
    }
  }
  waiting_.fetch_sub(spans, std::memory_order_relaxed);
  drop_overflow(spans);
}

void SpanQueue::drop_overflow(std::size_t spans) noexcept {
  overflowed_.store(true, std::memory_order_relaxed);
  drop(SpanLoss::queue_full, spans);
}

void SpanQueue::drop(SpanLoss cause, std::size_t spans) noexcept {
  TelemetryCounts::of_process().dropped(cause, spans);
}

SpanBatch SpanQueue::pop() noexcept {
  const std::optional<std::unique_ptr<SpanBatch>> batch = queue_.try_pop();
  if (!batch) return {};
  waiting_.fetch_sub((*batch)->spans, std::memory_order_relaxed);
  TelemetryCounts::of_process().spans_queued.fetch_sub((*batch)->spans, std::memory_order_relaxed);
  return std::move(**batch);
}

Task<> SpanQueue::collect() {
  // Shared with the letters: the last one that is run, or destroyed because its shard ends, notifies it.
  const auto collected = std::make_shared<EventCount>();
  const std::uint64_t seen = collected->count();
  {
    const std::shared_ptr<void> under_way(nullptr, [collected](void*) { collected->notify(); });
    const std::lock_guard lock(mutex_);
    for (Shard* const home : homes_)
      home->post([self = shared_from_this(), home, under_way] {
        if (ShardLocal* const kept = home->local(self.get())) static_cast<ShardSpans*>(kept)->hand_over();
      });
  }
  co_await collected->past(seen);
}

void SpanQueue::close() noexcept {
  closed_.store(true, std::memory_order_relaxed);
  for (SpanBatch batch = pop(); batch.spans > 0; batch = pop()) drop(SpanLoss::shutdown, batch.spans);
}

}  // namespace ringrpc::telemetry
