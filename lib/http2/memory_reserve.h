/// Memory that is kept for the day when the system has no more.
///
///   void* memory = reserve.allocate(bytes);
///   if (reserve.holds(memory)) reserve.deallocate(memory);
///
/// nghttp2 does not always bear a failed allocation: 1.52 frees a DATA frame twice that could not be queued.
/// So a session that the system refuses memory gets it here, and is ended; what it has of the reserve comes
/// back when it is destroyed. The reserve is untouched until then, so it costs address space and no memory.
///
/// Blocks are cut off one after the other, and can be cut off again once all have come back: those who hold
/// some live no longer than a turn.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringrpc::http2 {

class MemoryReserve {
 public:
  static constexpr std::size_t total_bytes = 256 * 1024;

  /// Empty where the system has no memory already.
  MemoryReserve() noexcept;
  MemoryReserve(const MemoryReserve&) = delete;
  MemoryReserve& operator=(const MemoryReserve&) = delete;
  ~MemoryReserve();

  /// Aligned to 16 bytes, behind 16 that hold its size; null when the reserve is used up.
  void* allocate(std::size_t bytes) noexcept;
  void deallocate(void* memory) noexcept;

  bool holds(const void* memory) const noexcept {
    return reinterpret_cast<std::uintptr_t>(memory) - reinterpret_cast<std::uintptr_t>(begin_) < total_bytes;
  }
  static std::size_t size_of(const void* memory) noexcept {
    return static_cast<const std::uint64_t*>(memory)[-1];
  }

 private:
  std::uint8_t* begin_ = nullptr;
  std::size_t cut_bytes_ = 0;
  std::size_t blocks_ = 0;
};

}  // namespace ringrpc::http2
