/// The kernel interface that shards use for their I/O.
///
///   ServerOptions options;
///   options.io = IoBackend::epoll;
///
/// io_uring is faster. The seccomp profiles of containers and the sysctl kernel.io_uring_disabled often
/// forbid it; epoll works everywhere.
#pragma once

#include "ringrpc/compiler.h"

#include <cstdint>

#include "ringrpc/export.h"

namespace ringrpc {

/// The kernel interface of a shard.
enum class IoBackend : std::uint8_t {
  /// io_uring where it is available, else epoll. The fallback is logged once, at level info, with the cause.
  automatic,
  uring,  ///< io_uring, or a failure that names what forbids it and the remedy
  epoll,
};

/// Sets what IoBackend::automatic means for shards that have no options, such as those of `block_on` and
/// `submit`. Those that have started keep theirs. From any thread.
RINGRPC_EXPORT void set_default_io_backend(IoBackend backend) noexcept;

}  // namespace ringrpc
