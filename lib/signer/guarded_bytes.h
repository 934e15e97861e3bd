/// Bytes that nobody else may see: locked in memory, left out of core dumps, between guard pages, and wiped
/// when they go (sodium_malloc).
///
///   Result<GuardedBytes> seed = GuardedBytes::make(32);
///   fill(seed->writable());
///   seed->make_read_only();
///
/// May be moved, so a view is valid as long as the bytes are somebody's. Reading is free for any thread.
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
  /// None.
  GuardedBytes() noexcept = default;
  /// `size` of them, of any value. RESOURCE_EXHAUSTED when the system has no memory; where it has some but
  /// does not lock it, the log says so once, with the remedy.
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
  /// Not after `make_read_only`.
  std::span<std::uint8_t> writable() noexcept { return {data_, size_}; }
  /// Leaves off what is behind the first `size` bytes, and wipes it.
  void truncate(std::size_t size) noexcept;
  void make_read_only() noexcept;

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ringrpc
