/// The backend on io_uring.
///
///   Result<std::unique_ptr<Io>> io = make_uring();
///   if (!io) return fail(io.error());       // says why and what would help
///   Shard shard(0, *std::move(io));
///
/// One enter a turn submits what the turn queued and reaps what has completed. Receives and accepts are
/// multishot, into buffers that the ring owns; a stream has one send in flight.
#pragma once

#include <memory>

#include "ringrpc/status.h"

#include "reactor/io.h"

namespace ringrpc {

struct UringOptions {
  unsigned submissions = 512;   ///< slots of the submission queue; more in one turn cost another system call
  unsigned completions = 4096;  ///< slots of the completion queue; the kernel keeps what exceeds them
  unsigned receive_buffers = 64;  ///< a power of two
  unsigned receive_buffer_bytes = 16 * 1024;
};

/// A ring that is enabled on the thread which first waits on it, or first fills its submission queue; from
/// then on only that thread may use it. Destroy it there, or when that thread has ended, and after everything
/// made with it. Fails with a status that says what was refused, why and what would help.
Result<std::unique_ptr<Io>> make_uring(const UringOptions& options = {});

}  // namespace ringrpc
