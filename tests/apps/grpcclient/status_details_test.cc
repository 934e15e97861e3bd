#include "grpcclient/status_details.h"

#include <doctest/doctest.h>

#include "depot.pb.h"

namespace ringrpc::grpcclient {
namespace {

TEST_CASE("each detail is taken out of a status, and nothing out of what is none") {
  depot::Refusal status;
  status.set_code(3);
  status.set_message("why");
  status.add_details()->set_type_url("a");
  status.add_details()->set_type_url("b");
  CHECK(
      split_details(status.SerializeAsString()) ==
      std::vector<std::string>{status.details(0).SerializeAsString(), status.details(1).SerializeAsString()});
  CHECK(split_details("").empty());
  CHECK(split_details("\xff\xff").empty());
}

TEST_CASE("a detail of an unknown type is shown with its octets") {
  google::protobuf::Any any;
  any.set_type_url("type.googleapis.com/a.B");
  any.set_value(std::string("\0\1\2", 3));
  CHECK(opaque_detail(any.SerializeAsString()) == "type.googleapis.com/a.B AAEC");
}

}  // namespace
}  // namespace ringrpc::grpcclient
