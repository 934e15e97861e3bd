/// Memory for secrets: locked, left out of core dumps, between guard pages, and wiped when it is freed
/// (sodium_malloc).
///
///   Result<GuardedBytes> seed = GuardedBytes::make(32);
///   fill(seed->writable());
///   seed->make_read_only();
///
/// A move keeps the bytes where they are, so views stay valid until the last owner is destroyed. Any thread
/// may read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "ringrpc/bytes.h"
#include "ringrpc/status.h"

namespace ringrpc {

class GuardedBytes {
 public:
  /// No bytes.
  GuardedBytes() noexcept = default;
  /// `size` bytes of unspecified values. RESOURCE_EXHAUSTED if the system has no memory. If the memory
  /// cannot be locked, a warning with the remedy is logged once.
  static Result<GuardedBytes> make(std::size_t size);
  GuardedBytes(GuardedBytes&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  GuardedBytes& operator=(GuardedBytes&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~GuardedBytes();

  Bytes bytes() const noexcept { return {data_, size_}; }
  std::size_t size() const noexcept { return size_; }
  /// Do not write after `make_read_only`.
  std::span<std::uint8_t> writable() noexcept { return {data_, size_}; }
  /// Keeps the first `size` bytes and wipes the rest.
  void truncate(std::size_t size) noexcept;
  void make_read_only() noexcept;

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ringrpc
