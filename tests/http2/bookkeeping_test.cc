// The small parts that enforce the limits.
#include <algorithm>
#include <doctest/doctest.h>
#include <nghttp2/nghttp2.h>
#include <utility>
#include <vector>

#include "frames.h"
#include "http2/frame_scanner.h"
#include "http2/stream_history.h"
#include "http2/stream_state.h"
#include "http2/token_bucket.h"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;
using namespace std::chrono_literals;

TEST_CASE("a bucket gives its burst at once and its rate in the long run") {
  TokenBucket bucket(5, 10);
  Instant now{1h};
  for (int i = 0; i < 5; ++i) CHECK(bucket.take(now));
  CHECK_FALSE(bucket.take(now));
  now += 99ms;
  CHECK_FALSE(bucket.take(now));
  now += 1ms;
  CHECK(bucket.take(now));
  CHECK_FALSE(bucket.take(now));
  now += 24h;
  for (int i = 0; i < 5; ++i) CHECK(bucket.take(now));
  CHECK_FALSE(bucket.take(now));
}

TEST_CASE("a bucket without a rate gives its burst and no more") {
  TokenBucket bucket(1, 0);
  CHECK(bucket.take(Instant{1h}));
  CHECK_FALSE(bucket.take(Instant{2h}));
}

TEST_CASE("a stream's past is known as long as it is remembered") {
  StreamHistory history;
  history.open(1);
  history.open(7);
  CHECK(history.of(1) == StreamPast::open);
  CHECK(history.of(3) == StreamPast::never_opened);
  CHECK(history.of(5) == StreamPast::never_opened);
  history.end(1);
  history.drop(7);
  CHECK(history.of(1) == StreamPast::ended);
  CHECK(history.of(7) == StreamPast::dropped);
  history.end(7);
  history.drop(7);
  CHECK(history.of(7) == StreamPast::ended);
  history.open(7 + 1022);
  CHECK(history.of(7) == StreamPast::ended);
  CHECK(history.of(9) == StreamPast::never_opened);
  CHECK(history.of(1) == StreamPast::forgotten);
  history.end(1);
  history.open(7 + 1024);
  history.abandon(7 + 1024);
  CHECK(history.of(7 + 1024) == StreamPast::abandoned);
  history.abandon(7 + 1022);
  history.drop(7 + 1022);
  CHECK(history.of(7 + 1022) == StreamPast::dropped);
  history.abandon(7 + 1022);
  CHECK(history.of(7 + 1022) == StreamPast::dropped);
  history.open(0x7fffffff);
  CHECK(history.of(7) == StreamPast::forgotten);
  CHECK(history.of(0x7fffffff - 1022) == StreamPast::never_opened);
  CHECK(history.of(0x7fffffff) == StreamPast::open);
}

TEST_CASE("a stream's sending side takes only the steps of the drawing") {
  using enum SendState;
  const std::vector<std::pair<SendState, SendState>> steps = {
      {headers_due, open},         {headers_due, ending}, {open, ending},
      {ending, ending_then_reset}, {ending, ended},       {ending_then_reset, ended},
  };
  for (int from = 0; from <= static_cast<int>(closed); ++from) {
    for (int to = 0; to <= static_cast<int>(closed); ++to) {
      CAPTURE(from);
      CAPTURE(to);
      const std::pair step{static_cast<SendState>(from), static_cast<SendState>(to)};
      const bool ends_early = (step.second == reset || step.second == closed) && from < to;
      CHECK(may_follow(step.first, step.second) == (ends_early || std::ranges::count(steps, step) == 1));
    }
  }
}

TEST_CASE("a stream's receiving side takes only the steps of the drawing") {
  using enum ReceiveState;
  const std::vector<std::pair<ReceiveState, ReceiveState>> steps = {
      {head_due, head_too_large}, {head_due, body}, {head_due, ended},   {head_too_large, discarding},
      {head_too_large, ended},    {body, ended},    {discarding, ended},
  };
  for (int from = 0; from <= static_cast<int>(reset); ++from) {
    for (int to = 0; to <= static_cast<int>(reset); ++to) {
      CAPTURE(from);
      CAPTURE(to);
      const std::pair step{static_cast<ReceiveState>(from), static_cast<ReceiveState>(to)};
      const bool ends_early = step.second == reset && from < to;
      CHECK(may_follow(step.first, step.second) == (ends_early || std::ranges::count(steps, step) == 1));
    }
  }
}

TEST_CASE("the scanner sees each frame, however the bytes are cut") {
  const std::string bytes = std::string(preface) + settings() + data(1, "hello", end_stream) +
                            padded_data(3, "x", 7) + priority(5, 3) + frame(NGHTTP2_PRIORITY, 0, 5, "ab") +
                            ping() + frame(0xff, 0xff, 0x7fffffff, "");
  for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
    CAPTURE(cut);
    FrameScanner scanner(true);
    std::vector<FrameHead> heads;
    std::vector<std::size_t> begins;
    for (std::size_t at = 0; at < bytes.size(); at += cut) {
      const std::string piece = bytes.substr(at, cut);
      scanner.feed(as_bytes(piece));
      FrameHead head;
      while (scanner.next(head)) {
        heads.push_back(head);
        begins.push_back(scanner.frame_begin());
      }
    }
    REQUIRE(heads.size() == 7);
    CHECK(heads[1].type == FrameType::data);
    CHECK(heads[1].length == 5);
    CHECK(heads[1].flags == end_stream);
    CHECK(heads[1].stream_id == 1);
    CHECK(heads[2].begin_of_payload == 7);
    CHECK(heads[3].begin_of_payload == 3);
    CHECK(heads[4].length == 2);
    CHECK(heads[6].stream_id == 0x7fffffff);
    if (cut == bytes.size()) CHECK(begins == std::vector<std::size_t>{24, 33, 47, 65, 79, 90, 107});
  }
}
