#include "telemetry/span_queue.h"

#include <chrono>
#include <doctest/doctest.h>
#include <memory>
#include <optional>
#include <utility>

#include "testing/simulation.h"

namespace ringrpc::telemetry {
namespace {

using namespace std::chrono_literals;

/// Two shards on one thread, whose time the test advances.
class Queued {
 public:
  explicit Queued(std::size_t spans_max, Nanoseconds delay = 24h)
      : queue(std::make_shared<SpanQueue>(spans_max, delay)) {}

  void end_spans(std::size_t number, unsigned shard = 0) {
    run_on_shard(shard, [&] {
      for (std::size_t span = 0; span < number; ++span) queue->take({});
    });
  }
  void run_on_shard(unsigned shard, const std::function<void()>& act) {
    bool done = false;
    simulation.shard(shard).post([&] {
      act();
      done = true;
    });
    REQUIRE(simulation.run_until([&] { return done; }));
  }
  std::size_t pop_all() {
    std::size_t sum = 0;
    for (SpanBatch batch = queue->pop(); batch.spans > 0; batch = queue->pop()) sum += batch.spans;
    return sum;
  }

  Simulation simulation{1, {.shards = 2}};
  std::shared_ptr<SpanQueue> queue;
};

/// The spans that were dropped for this cause since the object was made.
class Dropped {
 public:
  explicit Dropped(SpanLoss cause)
      : count_(TelemetryCounts::of_process().spans_dropped[static_cast<std::size_t>(cause)]) {}
  std::uint64_t now() const { return count_ - before_; }

 private:
  const std::atomic<std::uint64_t>& count_;
  const std::uint64_t before_ = count_;
};

}  // namespace

TEST_CASE("a shard hands its spans over when a batch is full") {
  Queued queued(1'000);
  queued.end_spans(SpanQueue::batch_spans - 1);
  CHECK(queued.pop_all() == 0);
  queued.end_spans(1);
  CHECK(queued.pop_all() == SpanQueue::batch_spans);
}

TEST_CASE("a batch is handed over when its first span has waited for long enough") {
  Queued queued(1'000, 5s);
  const Instant begun = queued.simulation.now();
  queued.end_spans(3);
  std::size_t handed = 0;
  CHECK(queued.simulation.run_until([&] { return (handed += queued.pop_all()) > 0; }));
  CHECK(handed == 3);
  CHECK(queued.simulation.now() - begun >= 5s);
}

TEST_CASE("spans beyond the limit are dropped and counted") {
  const Dropped dropped(SpanLoss::queue_full);
  Queued queued(2 * SpanQueue::batch_spans);
  queued.end_spans(3 * SpanQueue::batch_spans);
  CHECK(dropped.now() == SpanQueue::batch_spans);
  CHECK(queued.queue->overflowed());
  CHECK(!queued.queue->overflowed());
  CHECK(queued.pop_all() == 2 * SpanQueue::batch_spans);
  queued.end_spans(SpanQueue::batch_spans);
  CHECK(queued.pop_all() == SpanQueue::batch_spans);
}

TEST_CASE("a span that begins while too many wait is not admitted, and counted within the delay") {
  const Dropped dropped(SpanLoss::queue_full);
  Queued queued(2 * SpanQueue::batch_spans, 5s);
  queued.end_spans(2 * SpanQueue::batch_spans);
  queued.run_on_shard(1, [&] {
    for (int span = 0; span < 3; ++span) CHECK_FALSE(queued.queue->admits());
  });
  CHECK(queued.simulation.run_until([&] { return dropped.now() == 3; }));
  CHECK(queued.queue->overflowed());
  CHECK(queued.pop_all() == 2 * SpanQueue::batch_spans);
  queued.run_on_shard(1, [&] { CHECK(queued.queue->admits()); });
  CHECK(dropped.now() == 3);
}

TEST_CASE("the spans that a shard has collected count as waiting on it") {
  const Dropped dropped(SpanLoss::queue_full);
  Queued queued(SpanQueue::batch_spans + 10);
  queued.end_spans(SpanQueue::batch_spans + 10);
  queued.run_on_shard(0, [&] { CHECK_FALSE(queued.queue->admits()); });
  queued.end_spans(SpanQueue::batch_spans - 1);
  CHECK(dropped.now() == SpanQueue::batch_spans);
  CHECK(queued.pop_all() == SpanQueue::batch_spans);
}

TEST_CASE("a batch that finds no room takes none from those that follow") {
  const Dropped dropped(SpanLoss::queue_full);
  constexpr std::size_t almost = SpanQueue::batch_spans - 1;
  Queued queued(2 * SpanQueue::batch_spans, 5s);
  queued.end_spans(almost, 0);
  queued.end_spans(SpanQueue::batch_spans + almost, 1);
  CHECK(queued.simulation.run_until([&] { return dropped.now() == almost; }));
  CHECK(queued.pop_all() == SpanQueue::batch_spans + almost);
  queued.end_spans(2 * SpanQueue::batch_spans);
  CHECK(queued.pop_all() == 2 * SpanQueue::batch_spans);
}

TEST_CASE("a queue that is smaller than a batch works too") {
  Queued queued(3);
  queued.end_spans(3);
  CHECK(queued.pop_all() == 3);
}

TEST_CASE("collecting takes the spans of all shards") {
  Queued queued(1'000);
  queued.end_spans(3, 0);
  queued.end_spans(4, 1);
  std::optional<Task<>> collecting;
  bool collected = false;
  queued.run_on_shard(0, [&] {
    collecting.emplace([](SpanQueue& queue, bool& done) -> Task<> {
      co_await queue.collect();
      done = true;
    }(*queued.queue, collected));
    collecting->start();
  });
  CHECK(queued.simulation.run_until([&] { return collected; }));
  CHECK(queued.pop_all() == 7);
  queued.run_on_shard(0, [&] { collecting.reset(); });
}

TEST_CASE("a shard that ends hands its spans over") {
  auto queue = std::make_shared<SpanQueue>(1'000, 24h);
  {
    Queued queued(1);
    queued.queue = queue;
    queued.end_spans(5);
  }
  CHECK(queue->pop().spans == 5);
  CHECK(queue.use_count() == 1);
}

TEST_CASE("a closed queue drops what waits and what follows") {
  const Dropped dropped(SpanLoss::shutdown);
  Queued queued(1'000);
  queued.end_spans(SpanQueue::batch_spans);
  queued.queue->close();
  CHECK(dropped.now() == SpanQueue::batch_spans);
  queued.end_spans(2);
  CHECK(dropped.now() == SpanQueue::batch_spans + 2);
  CHECK(queued.pop_all() == 0);
}

}  // namespace ringrpc::telemetry
