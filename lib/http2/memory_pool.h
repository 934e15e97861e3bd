/// Memory of the sessions of one thread, recycled by size.
///
///   const std::shared_ptr<MemoryPool> pool = MemoryPool::of_this_thread();
///   void* memory = pool->allocate(152);
///   pool->deallocate(memory);
///
/// A request takes and returns a dozen small blocks, always of the same few sizes: a list of free blocks for each size makes that
/// a handful of instructions. What a session keeps while idle is mostly one frame buffer of 16 KiB of which only the first
/// bytes are ever written; those buffers are recycled among themselves, so that their pages stay untouched.
///
/// A pool and what is drawn from it belong to one thread at a time. It lives until the thread has ended and nobody holds it any
/// more. Under a sanitizer every block is a malloc of its own, so that misuse is seen.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ringrpc::http2 {

class MemoryPool {
 public:
  static const std::shared_ptr<MemoryPool>& of_this_thread();

  MemoryPool() = default;
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;
  ~MemoryPool();

  /// Uninitialized memory, aligned to 8 bytes; null when the system has none.
  void* allocate(std::size_t bytes) noexcept {
    if constexpr (recycles) {
      if (bytes <= small_bytes_max) [[likely]] {
        const std::size_t index = (bytes + header_bytes + small_step - 1) / small_step;
        if (Free* block = free_[index]) [[likely]] {
          free_[index] = block->next;
          return block;
        }
      }
    }
    return allocate_slowly(bytes);
  }

  /// `memory` may be null.
  void deallocate(void* memory) noexcept {
    if constexpr (recycles) {
      if (memory == nullptr) return;
      const std::uint64_t index = header(memory);
      if (index < class_count) [[likely]] {
        auto* block = static_cast<Free*>(memory);
        block->next = free_[index];
        free_[index] = block;
        return;
      }
    }
    release(memory);
  }

  /// What has been taken from the system for blocks up to a frame buffer's size; it never shrinks.
  std::size_t mapped_bytes() const noexcept;

  /// As realloc.
  void* resize(void* memory, std::size_t bytes) noexcept;

 private:
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr bool recycles = false;
#else
  static constexpr bool recycles = true;
#endif

  struct Free {
    Free* next;
  };
  struct Region {
    void* memory;
    std::size_t bytes;
  };

  // Classes: 1 … 32 are blocks of that many times 32 bytes, 33 … 47 of 1.5 … 8.5 KiB in steps of 512 bytes, then the frame buffer.
  // A block carries its class before it; a larger one its size, which is never as low as a class.
  static constexpr std::size_t header_bytes = 8;
  static constexpr std::size_t small_step = 32;
  static constexpr std::size_t small_classes = 32;
  static constexpr std::size_t small_bytes_max = small_step * small_classes - header_bytes;
  static constexpr std::size_t medium_step = 512;
  static constexpr std::size_t medium_classes = 15;
  static constexpr std::size_t medium_bytes_max = 1024 + medium_step * medium_classes - header_bytes;
  static constexpr std::size_t frame_class = small_classes + medium_classes + 1;
  static constexpr std::size_t frame_bytes_max = 16 * 1024 + 64 - header_bytes;
  static constexpr std::size_t class_count = frame_class + 1;
  static constexpr std::size_t region_bytes = 64 * 1024;
  static constexpr std::size_t frames_in_region = 31;

  static std::uint64_t& header(void* memory) noexcept { return static_cast<std::uint64_t*>(memory)[-1]; }
  static std::size_t block_bytes(std::size_t index) noexcept;

  void* allocate_slowly(std::size_t bytes) noexcept;
  void* carve(std::size_t index) noexcept;
  bool add_region(std::size_t bytes) noexcept;
  void release(void* memory) noexcept;

  std::array<Free*, class_count> free_{};
  std::uint8_t* fresh_ = nullptr;  // the part of the newest region that was never handed out
  std::size_t fresh_bytes_ = 0;
  std::uint8_t* fresh_frames_ = nullptr;
  std::size_t fresh_frames_bytes_ = 0;
  std::vector<Region> regions_;
};

}  // namespace ringrpc::http2
