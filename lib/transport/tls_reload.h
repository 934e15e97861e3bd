/// The first step of ServerTls::reload, with the same failures.
#pragma once

#include "ringrpc/status.h"
#include "ringrpc/tls.h"

#include "base/reload.h"

namespace ringrpc {

/// Reads the files of `tls` again. They count as changed until the result is called, unless they are refused.
Result<Reload> read_again(ServerTls& tls);

}  // namespace ringrpc
