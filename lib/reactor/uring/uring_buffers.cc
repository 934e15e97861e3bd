#include "reactor/uring/uring_buffers.h"

#include <bit>
#include <cerrno>
#include <string>
#include <sys/mman.h>

namespace ringrpc::uring {

namespace {
constexpr std::size_t page_bytes = 4096;
}

Result<std::unique_ptr<ReceiveBuffers>> ReceiveBuffers::create(Ring& ring, const UringOptions& options) {
  if (!std::has_single_bit(options.receive_buffers) || options.receive_buffers > 32768 ||
      options.receive_buffer_bytes == 0)
    return fail(Code::INVALID_ARGUMENT,
                "io_uring: receive buffers must be a power of two, 32768 at most, and not empty");
  std::unique_ptr<ReceiveBuffers> made(
      new ReceiveBuffers(options.receive_buffers, options.receive_buffer_bytes));
  // The ring of buffers comes first, because the kernel requires it to begin at a page. The buffers follow on
  // pages of their own.
  void* mapped =
      ::mmap(nullptr, made->mapped_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return std::unexpected(from_errno("io_uring: mmap of receive buffers", errno));
  made->mapped_ = mapped;
  made->ring_ = static_cast<io_uring_buf_ring*>(mapped);
  made->buffers_ = static_cast<std::uint8_t*>(mapped) + made->ring_bytes();

  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(mapped);
  registration.ring_entries = options.receive_buffers;
  registration.bgid = group;
  if (const int error = -io_uring_register_buf_ring(&ring.native(), &registration, 0); error != 0)
    return std::unexpected(
        from_errno("io_uring: register receive buffers (raise RLIMIT_MEMLOCK if memory is short)", error));
  io_uring_buf_ring_init(made->ring_);
  for (unsigned id = 0; id < options.receive_buffers; ++id) made->recycle(static_cast<std::uint16_t>(id));
  return made;
}

ReceiveBuffers::~ReceiveBuffers() {
  if (mapped_) ::munmap(mapped_, mapped_bytes());
}

std::size_t ReceiveBuffers::ring_bytes() const noexcept {
  const std::size_t bytes = count_ * sizeof(io_uring_buf);
  return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

std::size_t ReceiveBuffers::mapped_bytes() const noexcept {
  return ring_bytes() + std::size_t{count_} * buffer_bytes_;
}

}  // namespace ringrpc::uring
