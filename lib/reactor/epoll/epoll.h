/// The backend on epoll, for where io_uring is not to be had.
///
///   Result<std::unique_ptr<Io>> io = make_epoll();
///   if (!io) return fail(io.error());
///   Shard shard(0, *std::move(io));
///
/// Its turns have the shape of the ring's: `wait` first makes the sends that the turn asked for, then asks
/// epoll what has become ready; `dispatch` receives and accepts, one buffer or connection of each descriptor,
/// so that none keeps the others waiting. Connections are watched edge-triggered, each registered once.
#pragma once

#include <cstddef>
#include <memory>

#include "ringrpc/status.h"

#include "reactor/io.h"

namespace ringrpc {

struct EpollOptions {
  std::size_t receive_buffer_bytes = 64 * 1024;  ///< one for all streams of a shard; at most this a delivery
};

/// Fails with a status that names the system call and the cause. Destroy it after everything made with it.
Result<std::unique_ptr<Io>> make_epoll(const EpollOptions& options = {});

}  // namespace ringrpc
