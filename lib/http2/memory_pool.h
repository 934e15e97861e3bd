/// The memory of one thread's sessions, recycled by size.
///
///   const std::shared_ptr<MemoryPool> pool = MemoryPool::of_this_thread();
///   void* memory = pool->allocate(152);
///   pool->deallocate(memory);
///
/// A request takes and returns a dozen small blocks of the same few sizes. A list of free blocks for each
/// size makes that a handful of instructions. Memory of one size never becomes another size, so a peer that
/// varies the sizes of its headers can make the pool hold its peak use once per size. So the sizes are few.
/// Among the blocks over 512 bytes, the pool recycles only the two kinds that every session has: frame
/// buffers and HPACK tables. It leaves all others to malloc.
///
/// Most of an idle session's memory is one frame buffer of 16 KiB. Only its first bytes are written as long
/// as no large header block is sent. Frame buffers are recycled among themselves, so that their other pages
/// stay untouched, and each begins near the end of a page. The beginning of that page has room for the two
/// HPACK tables and the small blocks of an idle session.
///
/// After a peak in connections, `give_back` returns free memory to the system. It does so on request, region
/// by region, in steps short enough for a thread that has other work:
///
///   while (!pool->give_back(16'384)) serve_for_a_while();
///
/// A pool and its blocks belong to one thread at a time. It lives until the thread has ended and no session
/// holds it. Under a sanitizer every block is a separate malloc, so that misuse is detected.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "http2/memory_reserve.h"

namespace ringrpc::http2 {

class MemoryPool {
 public:
  static const std::shared_ptr<MemoryPool>& of_this_thread();

  MemoryPool() = default;
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;
  ~MemoryPool();

  /// Uninitialized memory, aligned to 8 bytes. Null when out of memory.
  void* allocate(std::size_t bytes) noexcept {
    if (void* const block = take_free(bytes)) [[likely]]
      return block;
    return allocate_slowly(bytes);
  }

  /// Takes a small block that is free already; null if there is none, or if `bytes` is larger.
  void* take_free(std::size_t bytes) noexcept {
    if constexpr (recycles) {
      if (bytes <= small_bytes_max) [[likely]] {
        const std::size_t index = (bytes + header_bytes + step - 1) / step;
        if (Free* block = free_[index]) [[likely]] {
          free_[index] = block->next;
          return block;
        }
      }
    }
    return nullptr;
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

  /// Bytes mapped for blocks up to the size of a frame buffer and not yet unmapped.
  std::size_t mapped_bytes() const noexcept { return mapped_bytes_; }

  /// Takes one step of returning unused regions: those without a block in use when the first step ran. Each
  /// step examines at most `blocks` free blocks. Returns true after the last step.
  bool give_back(std::size_t blocks) noexcept;

  /// Like realloc, but never shrinks a block.
  void* resize(void* memory, std::size_t bytes) noexcept;

  // The same from the reserve, for a session that ends because the system is out of memory. Null when the
  // reserve is used up too.
  void* allocate_from_reserve(std::size_t bytes) noexcept { return reserve_.allocate(bytes); }
  void* resize_into_reserve(void* memory, std::size_t bytes) noexcept;

 private:
#ifdef RINGRPC_SANITIZED
  static constexpr bool recycles = false;
#else
  static constexpr bool recycles = true;
#endif

  struct Free {
    Free* next;
  };
  struct Region {
    std::uint8_t* memory;
    std::size_t bytes;       // 0 once it is unmapped; its entry stays in place until all regions are settled
    std::size_t carved = 0;  // blocks carved from it so far
    std::size_t sorted = 0;  // those of them that give_back has found free …
    Free* first = nullptr;   // … and keeps in this list meanwhile

    bool contains(const void* block) const noexcept { return block >= memory && block < memory + bytes; }
  };

  // Class n holds blocks of n times 32 bytes; the last two classes are HPACK tables and frame buffers. The
  // word before a block is its class. Before a block from malloc it is the size, which is always larger than
  // any class.
  static constexpr std::size_t header_bytes = 8;
  static constexpr std::size_t step = 32;
  static constexpr std::size_t steps = 16;
  static constexpr std::size_t small_bytes_max = step * steps - header_bytes;
  static constexpr std::size_t table_class = steps + 1;
  // nghttp2's array of pointers to the entries of a 4096-byte table. Each entry counts at least 32 bytes (RFC
  // 7541, 4.1).
  static constexpr std::size_t table_bytes = 4096 / 32 * sizeof(void*);
  static constexpr std::size_t frame_class = steps + 2;
  static constexpr std::size_t frame_bytes_min = 16 * 1024;
  static constexpr std::size_t frame_bytes_max = frame_bytes_min + 64 - header_bytes;
  static constexpr std::size_t class_count = frame_class + 1;
  static constexpr std::size_t region_bytes = 64 * 1024;
  static constexpr std::size_t page_bytes = 4096;
  static constexpr std::size_t frame_head_bytes =
      512;  // the part of a frame buffer that lies in the shared page
  static constexpr std::size_t frame_stride = 5 * page_bytes;
  static constexpr std::size_t frames_in_region = 25;

  /// Memory from the system that has not been handed out.
  struct Fresh {
    std::uint8_t* begin = nullptr;
    std::size_t bytes = 0;

    std::uint8_t* take(std::size_t wanted) noexcept {
      if (bytes < wanted) return nullptr;
      bytes -= wanted;
      begin += wanted;
      return begin - wanted;
    }
  };

  static std::uint64_t& header(void* memory) noexcept { return static_cast<std::uint64_t*>(memory)[-1]; }
  static std::size_t block_bytes(std::size_t index) noexcept;

  void* allocate_slowly(std::size_t bytes) noexcept;
  void* carve(std::size_t index) noexcept;
  Region& region_of(const std::uint8_t* block) noexcept;
  Region& sorted_region_of(const std::uint8_t* block) noexcept;
  std::uint8_t* carve_frame() noexcept;
  Fresh add_region(std::size_t bytes) noexcept;
  void begin_sorting() noexcept;
  std::size_t sort(std::size_t blocks) noexcept;
  std::size_t settle(Region& region) noexcept;
  bool fresh(const Region& region) const noexcept;
  void release(void* memory) noexcept;
  std::size_t size_of(void* memory) const noexcept;

  std::array<Free*, class_count> free_{};
  MemoryReserve reserve_;
  Fresh small_;
  Fresh beside_frame_;  // the page shared with the frame buffer that was carved last
  Fresh frames_;
  std::vector<Region> regions_;
  std::size_t mapped_bytes_ = 0;

  // State of giving back. First the blocks that were free are sorted by region, then the regions are settled
  // one by one.
  bool giving_back_ = false;
  std::array<Free*, class_count> unsorted_{};
  // Those at the front of regions_, in order of address: they existed when giving back last began.
  std::size_t sorted_regions_ = 0;
  std::size_t settled_regions_ = 0;
};

}  // namespace ringrpc::http2
