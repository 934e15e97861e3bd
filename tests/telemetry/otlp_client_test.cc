#include "telemetry/otlp_client.h"

#include <chrono>
#include <doctest/doctest.h>
#include <google/protobuf/any.pb.h>
#include <string>

#include "telemetry/otlp.pb.h"

namespace ringrpc::telemetry {
namespace {

using namespace std::chrono_literals;

/// google.rpc.Status with a RetryInfo: code 1, message 2, details 3.
std::string details_with_retry(std::int64_t seconds, std::int32_t nanos) {
  otlp::v1::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(seconds);
  retry.mutable_retry_delay()->set_nanos(nanos);
  google::protobuf::Any detail;
  detail.set_type_url("type.googleapis.com/google.rpc.RetryInfo");
  detail.set_value(retry.SerializeAsString());
  const std::string any = detail.SerializeAsString();
  REQUIRE(any.size() < 128);
  return std::string("\x08\x08\x1a") + static_cast<char>(any.size()) + any;
}

Status status_with_retry(Code code, std::int64_t seconds, std::int32_t nanos = 0) {
  return Status(code, "later", Initiator::peer).with_details(details_with_retry(seconds, nanos));
}

}  // namespace

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

}  // namespace ringrpc::telemetry
