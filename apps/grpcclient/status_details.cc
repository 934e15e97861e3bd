#include "grpcclient/status_details.h"

#include "rpc/wire/base64.h"

namespace ringrpc::grpcclient {

std::string opaque_detail(const google::protobuf::Any& detail) {
  return detail.type_url() + " " + base64_encode(detail.value());
}

}  // namespace ringrpc::grpcclient
