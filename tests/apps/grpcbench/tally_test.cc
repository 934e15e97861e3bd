#include "grpcbench/tally.h"

#include <doctest/doctest.h>

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

TEST_CASE("calls are counted by their status, with the message of the first failure of each code") {
  Tally tally;
  CHECK(tally.record(Status(), 1ms));
  CHECK_FALSE(tally.record(Status(Code::NOT_FOUND, "first"), 1us));
  CHECK_FALSE(tally.record(Status(Code::NOT_FOUND, "second"), 1us));
  CHECK(tally.total() == 3);
  CHECK(tally.succeeded() == 1);
  CHECK(tally.failed() == 2);
  CHECK(tally.first_message[static_cast<std::size_t>(Code::NOT_FOUND)] == "first");
}

TEST_CASE("the first failure of a kind has its remedy") {
  Tally tally;
  tally.record(
      Status(Code::RESOURCE_EXHAUSTED, "too large", Initiator::peer).with_cause(Cause::message_too_large),
      1us);
  CHECK(tally.first_message[static_cast<std::size_t>(Code::RESOURCE_EXHAUSTED)].starts_with(
      "too large; --max-message-size "));
  tally.record(Status(Code::DEADLINE_EXCEEDED, "all streams were busy", Initiator::library), 1us);
  CHECK(tally.first_message[static_cast<std::size_t>(Code::DEADLINE_EXCEEDED)] == "all streams were busy");
}

TEST_CASE("latency includes successes and expired calls, but no quick failures") {
  Tally tally;
  tally.record(Status(), 2ms);
  tally.record(Status(Code::UNAVAILABLE, "gone"), 1us);
  CHECK(tally.record(Status(Code::DEADLINE_EXCEEDED, "no response", Initiator::library), 20s));
  CHECK_FALSE(
      tally.record(Status(Code::DEADLINE_EXCEEDED, "too late, says the server", Initiator::peer), 1us));
  CHECK(tally.latency.count() == 2);
  CHECK(tally.latency.min() == 2ms);
  CHECK(tally.latency.max() == 20s);
}

TEST_CASE("tallies add up") {
  Tally one;
  one.record(Status(), 1ms);
  one.traffic.bytes_sent = 10;
  Tally other;
  other.record(Status(Code::ABORTED, "why"), 1ms);
  other.record(Status(), 3ms);
  other.traffic.bytes_received = 5;
  one.merge(other);
  CHECK(one.total() == 3);
  CHECK(one.failed() == 1);
  CHECK(one.latency.max() == 3ms);
  CHECK(one.first_message[static_cast<std::size_t>(Code::ABORTED)] == "why");
  CHECK(one.traffic.bytes_sent == 10);
  CHECK(one.traffic.bytes_received == 5);
}

}  // namespace
}  // namespace ringrpc::grpcbench
