#include "telemetry/otlp_client.h"

#include <chrono>
#include <doctest/doctest.h>

#include "collector.h"

namespace ringrpc::telemetry {
namespace {

using namespace std::chrono_literals;

TEST_CASE("exports are tried again after the codes that OTLP names, and no others") {
  for (unsigned number = 1; number <= 16; ++number) {
    const Code code = static_cast<Code>(number);
    CAPTURE(name(code));
    const bool again = code == Code::CANCELLED || code == Code::DEADLINE_EXCEEDED || code == Code::ABORTED ||
                       code == Code::OUT_OF_RANGE || code == Code::UNAVAILABLE || code == Code::DATA_LOSS;
    CHECK(retry_delay(Status(code, "x"), 3s).has_value() == again);
    if (again) CHECK(retry_delay(Status(code, "x"), 3s) == 3s);
  }
}

TEST_CASE("the collector's RetryInfo sets the wait, and permits it after RESOURCE_EXHAUSTED") {
  CHECK(retry_delay(status_with_retry(Code::UNAVAILABLE, 7, 500'000'000), 3s) == 7500ms);
  CHECK(retry_delay(status_with_retry(Code::RESOURCE_EXHAUSTED, 7), 3s) == 7s);
  CHECK(!retry_delay(status_with_retry(Code::INVALID_ARGUMENT, 7), 3s));
}

TEST_CASE("a RetryInfo out of range is brought into it") {
  CHECK(retry_delay(status_with_retry(Code::UNAVAILABLE, -5, -1), 3s) == 0s);
  CHECK(retry_delay(status_with_retry(Code::UNAVAILABLE, INT64_MAX, INT32_MAX), 3s) < 25h);
  Status garbage = Status(Code::UNAVAILABLE, "x", Initiator::peer).with_details("\xff\xff\xff");
  CHECK(retry_delay(garbage, 3s) == 3s);
}

}  // namespace
}  // namespace ringrpc::telemetry
