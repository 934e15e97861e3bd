#include "observe/call_metrics.h"

#include <chrono>
#include <doctest/doctest.h>

using namespace ringrpc;
using namespace std::chrono_literals;

TEST_CASE("calls that have started and not ended are in flight") {
  CallMetrics metrics;
  metrics.start();
  metrics.start();
  metrics.start();
  metrics.end(Code::OK, 1ms, {});
  metrics.end(Code::CANCELLED, 1ms, {});
  CHECK(metrics.started() == 3);
  CHECK(metrics.handled() == 2);
  CHECK(metrics.handled(Code::OK) == 1);
  CHECK(metrics.handled(Code::CANCELLED) == 1);
}

TEST_CASE("histograms are kept by code, and exist once a call has ended with it") {
  CallMetrics metrics;
  CHECK(metrics.histograms(Code::OK) == nullptr);
  metrics.end(Code::OK, 70us, {.sent_bytes = 18, .received_bytes = 2000});
  metrics.end(Code::NOT_FOUND, 3s, {});
  REQUIRE(metrics.histograms(Code::OK));
  const CallHistograms& ok = *metrics.histograms(Code::OK);
  CHECK(ok.duration.count(LatencyHistogram::bucket_of(70'000)) == 1);
  CHECK(ok.duration.sum() == 70'000);
  CHECK(ok.sent_bytes.sum() == 18);
  CHECK(ok.received_bytes.sum() == 2000);
  CHECK(metrics.histograms(Code::INTERNAL) == nullptr);
  CHECK(metrics.all_histograms().duration.sum() == 3'000'070'000);
}

TEST_CASE("a code outside of gRPC's counts as UNKNOWN") {
  CallMetrics metrics;
  metrics.end(static_cast<Code>(99), 1ms, {});
  CHECK(metrics.handled(Code::UNKNOWN) == 1);
  CHECK(metrics.handled() == 1);
}

TEST_CASE("a duration before the clock counts as zero") {
  CallMetrics metrics;
  metrics.end(Code::OK, -1ns, {});
  CHECK(metrics.histograms(Code::OK)->duration.count(0) == 1);
  CHECK(metrics.histograms(Code::OK)->duration.sum() == 0);
}

TEST_CASE("the sum of shards has the numbers of all") {
  CallMetrics shards[3];
  for (CallMetrics& shard : shards) {
    shard.start();
    shard.receive_message();
    shard.receive_message();
    shard.send_message();
    shard.reject_message();
  }
  shards[0].end(Code::OK, 1ms, {.sent_bytes = 1, .received_bytes = 2});
  shards[2].end(Code::OK, 2ms, {.sent_bytes = 3, .received_bytes = 4});
  shards[2].start();
  shards[2].end(Code::ABORTED, 1ms, {});
  CallMetrics sum;
  for (const CallMetrics& shard : shards) sum.add(shard);
  CHECK(sum.started() == 4);
  CHECK(sum.received() == 6);
  CHECK(sum.sent() == 3);
  CHECK(sum.rejected() == 3);
  CHECK(sum.handled(Code::OK) == 2);
  CHECK(sum.handled(Code::ABORTED) == 1);
  CHECK(sum.histograms(Code::OK)->duration.sum() == 3'000'000);
  CHECK(sum.histograms(Code::OK)->sent_bytes.sum() == 4);
  CHECK(sum.histograms(Code::OK)->received_bytes.sum() == 6);
}
