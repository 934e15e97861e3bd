#include "ringrpc/status_details.h"

#include <doctest/doctest.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <string>

namespace ringrpc {
namespace {

using google::protobuf::Duration;
using google::protobuf::Timestamp;

Duration seconds(int count) {
  Duration duration;
  duration.set_seconds(count);
  return duration;
}

TEST_CASE("details are found by their type, the first of each") {
  Timestamp opens;
  opens.set_seconds(17);
  Status status = with_detail(Status(Code::UNAVAILABLE, "closed"), seconds(30));
  status = with_detail(with_detail(std::move(status), opens), seconds(60));
  CHECK(status.code() == Code::UNAVAILABLE);
  CHECK(status.message() == "closed");
  CHECK(details_of(status).size() == 3);
  CHECK(find_detail<Duration>(status)->seconds() == 30);
  CHECK(find_detail<Timestamp>(status)->seconds() == 17);
  CHECK_FALSE(find_detail<google::protobuf::Any>(status));
}

TEST_CASE("details are a google.rpc.Status on the wire") {
  const Status status = with_detail(Status(Code::NOT_FOUND, "no"), seconds(1));
  const std::string type = "type.googleapis.com/google.protobuf.Duration";
  const std::string any = std::string("\x0a") + static_cast<char>(type.size()) + type + "\x12\x02\x08\x01";
  CHECK(status.details() == std::string("\x08\x05\x12\x02no\x1a") + static_cast<char>(any.size()) + any);
}

TEST_CASE("OK takes no details") { CHECK(details_of(with_detail(Status(), seconds(1))).empty()); }

TEST_CASE("bytes that are no google.rpc.Status, and details that are no Any, are no details") {
  CHECK(details_of(Status(Code::INTERNAL, "x").with_details("\xff\xff")).empty());
  CHECK(details_of(Status(Code::INTERNAL, "x").with_details("\x1a\x02\xff\xff")).empty());
  CHECK(details_of(Status(Code::INTERNAL, "x").with_details("\x18\x01")).empty());
  CHECK(details_of(Status(Code::INTERNAL, "x")).empty());
}

TEST_CASE("a detail that its type cannot parse is not found") {
  google::protobuf::Any any;
  any.set_type_url("type.googleapis.com/google.protobuf.Duration");
  any.set_value("\xff");
  const std::string bytes = any.SerializeAsString();
  const Status status =
      Status(Code::INTERNAL, "x").with_details(std::string("\x1a") + static_cast<char>(bytes.size()) + bytes);
  CHECK(details_of(status).size() == 1);
  CHECK_FALSE(find_detail<Duration>(status));
}

}  // namespace
}  // namespace ringrpc
