/// The first step of JwtKeys::reload, with the same failures.
#pragma once

#include "ringrpc/jwt_keys.h"
#include "ringrpc/status.h"

#include "base/reload.h"

namespace ringrpc {

/// Reads the file of `keys` again. It counts as changed until the result is called, unless it is refused.
Result<Reload> read_again(JwtKeys& keys);

}  // namespace ringrpc
