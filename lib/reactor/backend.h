/// Chooses the backend of a shard.
///
///   Result<std::unique_ptr<Io>> io = make_io(IoBackend::automatic);
///   if (!io) return fail(io.error());
///   Shard shard(0, *std::move(io));
#pragma once

#include <memory>

#include "ringrpc/io_backend.h"
#include "ringrpc/status.h"

#include "reactor/io.h"

namespace ringrpc {

/// Fails like the backend that is chosen. From any thread.
Result<std::unique_ptr<Io>> make_io(IoBackend backend = IoBackend::automatic);

}  // namespace ringrpc
