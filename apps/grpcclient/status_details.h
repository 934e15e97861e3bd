/// Prints details of a failed call whose type is unknown.
#pragma once

#include <google/protobuf/any.pb.h>
#include <string>

namespace ringrpc::grpcclient {

/// The type's URL, and the value in base64: "type.googleapis.com/a.B AQID".
std::string opaque_detail(const google::protobuf::Any& detail);

}  // namespace ringrpc::grpcclient
