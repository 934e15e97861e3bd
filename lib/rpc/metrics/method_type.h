/// The values of the label grpc_type.
#pragma once

#include <string_view>

#include "ringrpc/service.h"

namespace ringrpc {

std::string_view method_type(MethodKind kind) noexcept;

}  // namespace ringrpc
