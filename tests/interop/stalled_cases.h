/// Two cases beside gRPC's: a GiB through one stream whose reader pauses in the middle. The writer must
/// wait meanwhile, and neither end may hold more than the windows.
///
///   ClientCase cases[] = {{"upload_to_stalled_reader", upload_to_stalled_reader}, ...};
///
/// Each prints its figures on standard error: "under way during the pause: 320 KiB; peak resident: 9000 KiB".
#pragma once

#include "ringrpc/channel.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc::interop {

/// The server reads, pauses, and reads the rest.
Task<Status> upload_to_stalled_reader(Channel& channel);

/// This client reads, pauses, and reads the rest.
Task<Status> download_by_stalled_reader(Channel& channel);

}  // namespace ringrpc::interop
