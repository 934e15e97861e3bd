/// The kernel's backends for tests. The tests run on io_uring, and in a second run on epoll.
///
///   Shard shard(0, kernel_io());
///   for (const IoBackend backend : kernel_backends()) { ... }
///
/// The program without_io_uring.cc hides io_uring from the tests that it runs and sets an environment
/// variable; then only epoll is left. Without that variable, a ring that cannot be made is a failure.
#pragma once

#include <cstdlib>
#include <doctest/doctest.h>
#include <memory>
#include <utility>
#include <vector>

#include "ringrpc/io_backend.h"

#include "reactor/epoll/epoll.h"
#include "reactor/io.h"
#include "reactor/uring/uring.h"

namespace ringrpc::test {

inline bool io_uring_hidden() { return std::getenv("WITHOUT_IO_URING") != nullptr; }

inline std::vector<IoBackend> kernel_backends() {
  if (io_uring_hidden()) return {IoBackend::epoll};
  return {IoBackend::uring, IoBackend::epoll};
}

/// The backend of this run.
inline IoBackend backend_under_test() { return io_uring_hidden() ? IoBackend::epoll : IoBackend::uring; }

/// epoll ignores the options.
inline std::unique_ptr<Io> kernel_io(const UringOptions& options = {},
                                     IoBackend backend = backend_under_test()) {
  Result<std::unique_ptr<Io>> io = backend == IoBackend::epoll ? make_epoll() : make_uring(options);
  REQUIRE_MESSAGE(io, io.error().to_string());
  return *std::move(io);
}

}  // namespace ringrpc::test
