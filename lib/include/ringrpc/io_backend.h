/// How the shards of a process talk to the kernel.
///
///   ServerOptions options;
///   options.io = IoBackend::epoll;
///
/// io_uring is the faster one; containers' seccomp profiles and the sysctl kernel.io_uring_disabled often
/// forbid it, and epoll does the same work everywhere.
#pragma once

#include <cstdint>

namespace ringrpc {

/// How shards do their I/O.
enum class IoBackend : std::uint8_t {
  /// io_uring where it can be had, else epoll, which is logged once, at level info, with the cause.
  automatic,
  uring,  ///< io_uring, or a failure that says what forbids it and what would help
  epoll,
};

/// What IoBackend::automatic means from now on, for shards that nobody gives options: `block_on`'s is one.
/// Call it before the first of them is made. From any thread.
void set_default_io_backend(IoBackend backend) noexcept;

}  // namespace ringrpc
