#include "http2/memory_pool.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <malloc.h>
#include <new>
#include <span>
#include <sys/mman.h>
#include <utility>

namespace ringrpc::http2 {

const std::shared_ptr<MemoryPool>& MemoryPool::of_this_thread() {
  thread_local const std::shared_ptr<MemoryPool> pool = std::make_shared<MemoryPool>();
  return pool;
}

MemoryPool::~MemoryPool() {
  for (const Region& region : regions_)
    if (region.bytes > 0) ::munmap(region.memory, region.bytes);
}

std::size_t MemoryPool::block_bytes(std::size_t index) noexcept {
  switch (index) {
    case table_class:
      return table_bytes + header_bytes;
    case frame_class:
      return frame_bytes_max + header_bytes;
    default:
      return index * step;
  }
}

void* MemoryPool::allocate_slowly(std::size_t bytes) noexcept {
  if constexpr (!recycles) return std::malloc(bytes);
  std::size_t index = 0;
  if (bytes <= small_bytes_max) {
    index = (bytes + header_bytes + step - 1) / step;
  } else if (bytes == table_bytes) {
    index = table_class;
  } else if (bytes >= frame_bytes_min && bytes <= frame_bytes_max) {
    index = frame_class;
  } else {
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
  ++region_of(block).carved;
  void* const memory = block + header_bytes;
  header(memory) = index;
  return memory;
}

/// The block was just carved, so its region still had room. Such a region is among the last ones added,
/// unless regions were sorted since.
MemoryPool::Region& MemoryPool::region_of(const std::uint8_t* block) noexcept {
  const auto added = std::span(regions_).subspan(sorted_regions_);
  const auto last =
      std::find_if(added.rbegin(), added.rend(), [&](const Region& each) { return each.contains(block); });
  return last != added.rend() ? *last : sorted_region_of(block);
}

MemoryPool::Region& MemoryPool::sorted_region_of(const std::uint8_t* block) noexcept {
  const auto sorted = std::span(regions_).first(sorted_regions_);
  return *std::prev(std::ranges::upper_bound(sorted, block, {}, &Region::memory));
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
  // Without this the kernel merges neighbouring regions into huge pages, which makes untouched pages
  // resident.
  ::madvise(memory, bytes, MADV_NOHUGEPAGE);
  try {
    regions_.push_back({.memory = static_cast<std::uint8_t*>(memory), .bytes = bytes});
  } catch (const std::bad_alloc&) {
    ::munmap(memory, bytes);
    return {};
  }
  mapped_bytes_ += bytes;
  return {static_cast<std::uint8_t*>(memory), bytes};
}

bool MemoryPool::give_back(std::size_t blocks) noexcept {
  if (!giving_back_) begin_sorting();
  blocks -= sort(blocks);
  while (blocks > 0 && settled_regions_ < sorted_regions_)
    blocks -= std::min(blocks, 1 + settle(regions_[settled_regions_++]));
  if (blocks == 0) return false;
  sorted_regions_ -= std::erase_if(regions_, [](const Region& region) { return region.bytes == 0; });
  giving_back_ = false;
  return true;
}

/// Sets all free blocks aside. Until the end of giving back, allocations are carved or reuse blocks that are
/// freed meanwhile.
void MemoryPool::begin_sorting() noexcept {
  giving_back_ = true;
  std::ranges::sort(regions_, {}, &Region::memory);
  sorted_regions_ = regions_.size();
  settled_regions_ = 0;
  unsorted_ = std::exchange(free_, {});
}

/// Moves at most `blocks` free blocks to their regions. Returns how many it moved.
std::size_t MemoryPool::sort(std::size_t blocks) noexcept {
  std::size_t moved = 0;
  for (Free*& list : unsorted_) {
    for (; list && moved < blocks; ++moved) {
      Free* const block = std::exchange(list, list->next);
      Region& region = sorted_region_of(reinterpret_cast<const std::uint8_t*>(block));
      block->next = std::exchange(region.first, block);
      ++region.sorted;
    }
  }
  return moved;
}

/// Unmaps a region if all of it is free, else makes its free blocks available again. Returns how many those
/// were.
std::size_t MemoryPool::settle(Region& region) noexcept {
  const std::size_t blocks = std::exchange(region.sorted, 0);
  Free* block = std::exchange(region.first, nullptr);
  if (blocks == region.carved && !fresh(region)) {
    mapped_bytes_ -= region.bytes;
    ::munmap(region.memory, std::exchange(region.bytes, 0));
    return 0;
  }
  while (block) {
    Free*& list = free_[header(block)];
    Free* const next = block->next;
    block->next = std::exchange(list, block);
    block = next;
  }
  return blocks;
}

/// True if more blocks may be carved from the region.
bool MemoryPool::fresh(const Region& region) const noexcept {
  const auto lies_in = [&](const Fresh& memory) { return memory.bytes > 0 && region.contains(memory.begin); };
  return lies_in(small_) || lies_in(beside_frame_) || lies_in(frames_);
}

void MemoryPool::release(void* memory) noexcept {
  if (reserve_.holds(memory)) return reserve_.deallocate(memory);
  if constexpr (recycles) {
    std::free(static_cast<std::uint64_t*>(memory) - 1);
  } else {
    std::free(memory);
  }
}

void* MemoryPool::resize(void* memory, std::size_t bytes) noexcept {
  if (memory == nullptr) return allocate(bytes);
  const std::size_t held = size_of(memory);
  if (bytes <= held) return memory;
  void* const larger = allocate(bytes);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, memory, held);
  deallocate(memory);
  return larger;
}

void* MemoryPool::resize_into_reserve(void* memory, std::size_t bytes) noexcept {
  void* const larger = reserve_.allocate(bytes);
  if (larger == nullptr || memory == nullptr) return larger;
  std::memcpy(larger, memory, std::min(size_of(memory), bytes));
  deallocate(memory);
  return larger;
}

std::size_t MemoryPool::size_of(void* memory) const noexcept {
  if (reserve_.holds(memory)) return MemoryReserve::size_of(memory);
  if constexpr (!recycles) return ::malloc_usable_size(memory);
  const std::uint64_t mark = header(memory);
  return mark < class_count ? block_bytes(mark) - header_bytes : mark;
}

}  // namespace ringrpc::http2
