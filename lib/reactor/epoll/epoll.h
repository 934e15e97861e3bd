/// The backend on epoll, for systems without io_uring.
///
///   Result<std::unique_ptr<Io>> io = make_epoll();
///   if (!io) return fail(io.error());
///   Shard shard(0, *std::move(io));
///
/// Its turns have the same shape as the ring's. `wait` makes the sends that the turn asked for, then asks
/// epoll for ready descriptors. `dispatch` receives and accepts one buffer or connection from each
/// descriptor, so that none delays the others. Connections are watched edge-triggered and registered once.
#pragma once

#include <cstddef>
#include <memory>

#include "ringrpc/status.h"

#include "reactor/io.h"

namespace ringrpc {

struct EpollOptions {
  std::size_t receive_buffer_bytes = 64 * 1024;  ///< one for all streams of a shard; the largest delivery
};

/// Fails with a status that names the system call and the cause. Destroy it after everything made with it.
Result<std::unique_ptr<Io>> make_epoll(const EpollOptions& options = {});

}  // namespace ringrpc
