/// The signing half of demo: requests a signature with each kind of key and verifies it.
#pragma once

#include "ringrpc/task.h"

#include "grpcclient/session.h"

namespace ringrpc::grpcclient {

/// Lets crypto.v1.CryptoService sign with the keys that `--key` names, fetches their public keys, verifies
/// the signatures, and prints a line of times for each. An invalid signature is exit_protocol. When the
/// server has no key of some kind, the other kinds are still tried, and the first such failure is returned.
Task<Outcome<bool>> demo_signing(Session& session);

}  // namespace ringrpc::grpcclient
