/// The first step of JwtKeys::reload, with the same failures.
#pragma once

#include "ringrpc/jwt_keys.h"
#include "ringrpc/status.h"

#include "base/reload.h"

namespace ringrpc {

/// Reads the file of `keys` again. From then on it does not count as changed, even if it is not put to use.
Result<Reload> read_again(JwtKeys& keys);

}  // namespace ringrpc
