#include "reactor/backend.h"

#include <atomic>

#include "ringrpc/log.h"

#include "reactor/epoll/epoll.h"
#include "reactor/uring/uring.h"

namespace ringrpc {
namespace {

std::atomic<IoBackend> default_backend{IoBackend::automatic};

Result<std::unique_ptr<Io>> make_uring_or_epoll() {
  Result<std::unique_ptr<Io>> ring = make_uring();
  if (ring) return ring;
  static std::atomic_flag said;
  if (!said.test_and_set()) log::info("using epoll; {}", ring.error().message());
  return make_epoll();
}

}  // namespace

void set_default_io_backend(IoBackend backend) noexcept {
  default_backend.store(backend, std::memory_order_relaxed);
}

Result<std::unique_ptr<Io>> make_io(IoBackend backend) {
  if (backend == IoBackend::automatic) backend = default_backend.load(std::memory_order_relaxed);
  switch (backend) {
    case IoBackend::uring:
      return make_uring();
    case IoBackend::epoll:
      return make_epoll();
    case IoBackend::automatic:
      break;
  }
  return make_uring_or_epoll();
}

}  // namespace ringrpc
