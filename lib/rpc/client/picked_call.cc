#include "ringrpc/load_balancing.h"

#include "rpc/client/call_request.h"

namespace ringrpc {

std::string_view PickedCall::path() const noexcept { return request_.path; }

const Metadata& PickedCall::metadata() const noexcept { return request_.metadata(); }

}  // namespace ringrpc
