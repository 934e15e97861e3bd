/// The first step of ServerTls::reload, with the same failures.
#pragma once

#include "ringrpc/status.h"
#include "ringrpc/tls.h"

#include "base/reload.h"

namespace ringrpc {

/// Reads the files of `tls` again. From then on they do not count as changed, even if they are not put to use.
Result<Reload> read_again(ServerTls& tls);

}  // namespace ringrpc
