/// Collects the calls of a server that failed last.
///
///   add_failures(server_shard, failures);     // on the thread of each shard
///   keep_newest(failures);
#pragma once

#include <vector>

#include "ringrpc/server_snapshot.h"

#include "rpc/server/server_shard.h"

namespace ringrpc {

/// Takes some tens of microseconds.
void add_failures(ServerShard& shard, std::vector<FailureSnapshot>& failures);

/// Keeps as many of each code as one shard does, and sorts them from the newest.
void keep_newest(std::vector<FailureSnapshot>& failures);

}  // namespace ringrpc
