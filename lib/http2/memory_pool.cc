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
  if (index <= small_classes) return index * small_step;
  if (index < frame_class) return 1024 + (index - small_classes) * medium_step;
  return frame_bytes_max + header_bytes;
}

void* MemoryPool::allocate_slowly(std::size_t bytes) noexcept {
  if constexpr (!recycles) return std::malloc(bytes);
  std::size_t index = 0;
  if (bytes <= small_bytes_max) {
    index = (bytes + header_bytes + small_step - 1) / small_step;
  } else if (bytes <= medium_bytes_max) {
    index = small_classes + (bytes + header_bytes - 1024 + medium_step - 1) / medium_step;
  } else if (bytes <= frame_bytes_max) {
    index = frame_class;
  } else {
    auto* memory = static_cast<std::uint64_t*>(std::malloc(bytes + header_bytes));
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
  const std::size_t bytes = block_bytes(index);
  std::uint8_t*& fresh = index == frame_class ? fresh_frames_ : fresh_;
  std::size_t& left = index == frame_class ? fresh_frames_bytes_ : fresh_bytes_;
  if (left < bytes) {
    const std::size_t wanted = index == frame_class ? frames_in_region * bytes : region_bytes;
    if (!add_region(wanted)) return nullptr;
    fresh = static_cast<std::uint8_t*>(regions_.back().memory);
    left = wanted;
  }
  std::uint8_t* const memory = fresh + header_bytes;
  fresh += bytes;
  left -= bytes;
  header(memory) = index;
  return memory;
}

bool MemoryPool::add_region(std::size_t bytes) noexcept {
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  // Neighbouring regions would otherwise be made huge pages, and every untouched page with them.
  ::madvise(memory, bytes, MADV_NOHUGEPAGE);
  try {
    regions_.push_back({memory, bytes});
  } catch (const std::bad_alloc&) {
    ::munmap(memory, bytes);
    return false;
  }
  return true;
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
