#include "http2/memory_pool.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/mman.h>

namespace ringrpc::http2 {

const std::shared_ptr<MemoryPool>& MemoryPool::of_this_thread() {
  thread_local const std::shared_ptr<MemoryPool> pool = std::make_shared<MemoryPool>();
  return pool;
}

MemoryPool::~MemoryPool() {
  for (const Region& region : regions_) ::munmap(region.memory, region.bytes);
}

std::size_t MemoryPool::mapped_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const Region& region : regions_) bytes += region.bytes;
  return bytes;
}

std::size_t MemoryPool::block_bytes(std::size_t index) noexcept {
  return index == frame_class ? frame_bytes_max + header_bytes : index * step;
}

void* MemoryPool::allocate_slowly(std::size_t bytes) noexcept {
  if constexpr (!recycles) return std::malloc(bytes);
  std::size_t index = frame_class;
  if (bytes <= small_bytes_max) {
    index = (bytes + header_bytes + step - 1) / step;
  } else if (bytes < frame_bytes_min || bytes > frame_bytes_max) {
    auto* const memory = static_cast<std::uint64_t*>(std::malloc(bytes + header_bytes));
    if (memory == nullptr) return nullptr;
    *memory = bytes;
    return memory + 1;
  }
  if (Free* block = free_[index]) {
    free_[index] = block->next;
    return block;
  }
  return carve(index);
}

void* MemoryPool::carve(std::size_t index) noexcept {
  std::uint8_t* block = nullptr;
  if (index == frame_class) {
    block = carve_frame();
  } else {
    const std::size_t bytes = block_bytes(index);
    block = beside_frame_.take(bytes);
    if (block == nullptr) block = small_.take(bytes);
    if (block == nullptr) {
      small_ = add_region(region_bytes);
      block = small_.take(bytes);
    }
  }
  if (block == nullptr) return nullptr;
  void* const memory = block + header_bytes;
  header(memory) = index;
  return memory;
}

std::uint8_t* MemoryPool::carve_frame() noexcept {
  if (frames_.bytes < frame_stride) frames_ = add_region(frames_in_region * frame_stride);
  std::uint8_t* const begin = frames_.take(frame_stride);
  if (begin == nullptr) return nullptr;
  constexpr std::size_t shared = page_bytes - frame_head_bytes;
  static_assert(shared + header_bytes + frame_bytes_max <= frame_stride);
  beside_frame_ = {begin, shared};
  return begin + shared;
}

MemoryPool::Fresh MemoryPool::add_region(std::size_t bytes) noexcept {
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return {};
  // Neighbouring regions would otherwise be made huge pages, and every untouched page with them.
  ::madvise(memory, bytes, MADV_NOHUGEPAGE);
  try {
    regions_.push_back({memory, bytes});
  } catch (const std::bad_alloc&) {
    ::munmap(memory, bytes);
    return {};
  }
  return {static_cast<std::uint8_t*>(memory), bytes};
}

void MemoryPool::release(void* memory) noexcept {
  if constexpr (recycles) {
    std::free(static_cast<std::uint64_t*>(memory) - 1);
  } else {
    std::free(memory);
  }
}

void* MemoryPool::resize(void* memory, std::size_t bytes) noexcept {
  if constexpr (!recycles) return std::realloc(memory, bytes);
  if (memory == nullptr) return allocate(bytes);
  const std::uint64_t mark = header(memory);
  const std::size_t held = mark < class_count ? block_bytes(mark) - header_bytes : mark;
  if (bytes <= held) return memory;
  void* const larger = allocate(bytes);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, memory, held);
  deallocate(memory);
  return larger;
}

}  // namespace ringrpc::http2
