/// Details of a failed call whose type nobody describes.
#pragma once

#include <google/protobuf/any.pb.h>
#include <string>

namespace ringrpc::grpcclient {

/// "type.googleapis.com/a.B AQID": the type's name, and the value in base64.
std::string opaque_detail(const google::protobuf::Any& detail);

}  // namespace ringrpc::grpcclient
