/// The details of a failed call, as `grpc-status-details-bin` carries them.
///
///   for (const std::string& any : split_details(status.details())) show(any);
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringrpc::grpcclient {

/// Each a serialized google.protobuf.Any, from a serialized google.rpc.Status; none where it is not one.
std::vector<std::string> split_details(std::string_view details);

/// "type.googleapis.com/a.B AQID": an Any whose type nobody describes, its value in base64.
std::string opaque_detail(const std::string& any);

}  // namespace ringrpc::grpcclient
