/// The last stop of an exception: where it may go no further, because C or the shard's loop is the caller.
///
///   try {
///     take(bytes);
///   } catch (...) {
///     finish(caught());
///   }
///
/// The library throws for want of memory only, from whatever allocates. Each connection, call and attempt to
/// connect catches that where the shard, the session or the backend enters it, and ends itself.
#pragma once

#include "ringrpc/status.h"

namespace ringrpc {

/// The exception that is being handled as a status: out_of_memory() for want of memory, INTERNAL for anything
/// else. Says so in the log, as often as a log bears. Call it from inside a catch clause.
Status caught() noexcept;

}  // namespace ringrpc
