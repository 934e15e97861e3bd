/// The kernel's receive buffers: a ring of them, shared by all streams of a shard.
///
/// The kernel takes a buffer when bytes have arrived, so an idle connection holds none. The buffer returns as
/// soon as its handler has read it, in the same turn. So a few large buffers serve any number of connections
/// and stay in the cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <liburing.h>
#include <memory>

#include "ringrpc/bytes.h"
#include "ringrpc/status.h"

#include "reactor/uring/uring_ring.h"

namespace ringrpc::uring {

class ReceiveBuffers {
 public:
  static constexpr std::uint16_t group = 0;

  /// Maps the buffers and registers them with `ring`, which must outlive the result.
  static Result<std::unique_ptr<ReceiveBuffers>> create(Ring& ring, const UringOptions& options);
  ReceiveBuffers(const ReceiveBuffers&) = delete;
  ReceiveBuffers& operator=(const ReceiveBuffers&) = delete;
  ~ReceiveBuffers();

  /// The buffer id in the flags of a completion with IORING_CQE_F_BUFFER.
  static std::uint16_t id_of(unsigned flags) noexcept {
    return static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
  }

  Bytes received(std::uint16_t id, std::size_t bytes) const noexcept { return {buffer(id), bytes}; }

  /// Returns a buffer to the kernel.
  void recycle(std::uint16_t id) noexcept {
    io_uring_buf_ring_add(ring_, buffer(id), buffer_bytes_, id, io_uring_buf_ring_mask(count_), 0);
    io_uring_buf_ring_advance(ring_, 1);
  }

  /// A receive has stopped because no buffer was free.
  void note_shortage() noexcept { ++shortages_; }
  std::uint64_t shortages() const noexcept { return shortages_; }

 private:
  ReceiveBuffers(unsigned count, unsigned buffer_bytes) noexcept
      : count_(count), buffer_bytes_(buffer_bytes) {}
  std::size_t ring_bytes() const noexcept;
  std::size_t mapped_bytes() const noexcept;
  std::uint8_t* buffer(std::uint16_t id) const noexcept { return buffers_ + std::size_t{id} * buffer_bytes_; }

  unsigned count_;
  unsigned buffer_bytes_;
  std::uint64_t shortages_ = 0;
  void* mapped_ = nullptr;
  io_uring_buf_ring* ring_ = nullptr;
  std::uint8_t* buffers_ = nullptr;
};

}  // namespace ringrpc::uring
