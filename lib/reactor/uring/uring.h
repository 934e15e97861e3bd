/// The backend on io_uring.
///
///   Result<std::unique_ptr<Io>> io = make_uring();
///   if (!io) return fail(io.error());       // names the cause and the remedy
///   Shard shard(0, *std::move(io));
///
/// One enter in each turn submits the queued operations and reaps completions. Receives and accepts are
/// multishot; receives use buffers that the ring owns. A stream has one send in flight. The kernel refuses all other
/// operations on the ring (IORING_REGISTER_RESTRICTIONS), such as those that open files and sockets.
#pragma once

#include <memory>

#include "ringrpc/status.h"

#include "reactor/io.h"

namespace ringrpc {

struct UringOptions {
  /// Slots of the submission queue; a turn that needs more makes another system call.
  unsigned submissions = 512;
  unsigned completions = 4096;    ///< slots of the completion queue; the kernel keeps any excess
  unsigned receive_buffers = 64;  ///< a power of two
  unsigned receive_buffer_bytes = 16 * 1024;
};

/// Makes a ring. It is enabled on the thread that first waits on it or first fills its submission queue; from
/// then on only that thread may use it. Destroy it there, or after that thread has ended, and after
/// everything made with it. A failure names the refused call, the cause and the remedy.
Result<std::unique_ptr<Io>> make_uring(const UringOptions& options = {});

}  // namespace ringrpc
