/// The signing half of the demonstration: a signature with each kind of key, verified here.
#pragma once

#include "ringrpc/task.h"

#include "grpcclient/session.h"

namespace ringrpc::grpcclient {

/// Has crypto.v1.CryptoService sign with the keys that `--key` names, fetches their public halves, verifies,
/// and prints a line with the times of each. Failure with exit_protocol for a signature that does not
/// verify. Where the server has no key of a kind, the others are tried, and the first such failure stands.
Task<Outcome<bool>> demo_signing(Session& session);

}  // namespace ringrpc::grpcclient
