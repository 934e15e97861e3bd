/// Memory set aside for the moment when the system has none left.
///
///   void* memory = reserve.allocate(bytes);
///   if (reserve.holds(memory)) reserve.deallocate(memory);
///
/// nghttp2 does not handle every failed allocation: 1.52 frees a DATA frame twice if it cannot queue it. So
/// when an allocation fails, the session gets the memory from this reserve and ends. It returns that memory
/// when it is destroyed. The reserve is untouched until then, so it costs address space but no memory.
///
/// Allocation moves a pointer forward; the whole reserve is free again once every block has been returned.
/// That happens soon, because a session that holds blocks lives at most until the end of the turn.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringrpc::http2 {

class MemoryReserve {
 public:
  static constexpr std::size_t total_bytes = 256 * 1024;

  /// The reserve is empty if the system has no memory even now.
  MemoryReserve() noexcept;
  MemoryReserve(const MemoryReserve&) = delete;
  MemoryReserve& operator=(const MemoryReserve&) = delete;
  ~MemoryReserve();

  /// Aligned to 16 bytes; the 16 bytes before it hold its size. Null when the reserve is used up.
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
