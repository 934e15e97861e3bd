#include "grpcclient/status_details.h"

#include <doctest/doctest.h>

namespace ringrpc::grpcclient {
namespace {

TEST_CASE("a detail of an unknown type is shown with its bytes") {
  google::protobuf::Any any;
  any.set_type_url("type.googleapis.com/a.B");
  any.set_value(std::string("\0\1\2", 3));
  CHECK(opaque_detail(any) == "type.googleapis.com/a.B AAEC");
}

}  // namespace
}  // namespace ringrpc::grpcclient
