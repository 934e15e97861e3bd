#include "http2/memory_reserve.h"

#include <sys/mman.h>

namespace ringrpc::http2 {
namespace {

constexpr std::size_t alignment = 16;

}  // namespace

MemoryReserve::MemoryReserve() noexcept {
  void* const memory =
      ::mmap(nullptr, total_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) begin_ = static_cast<std::uint8_t*>(memory);
}

MemoryReserve::~MemoryReserve() {
  if (begin_ != nullptr) ::munmap(begin_, total_bytes);
}

void* MemoryReserve::allocate(std::size_t bytes) noexcept {
  if (begin_ == nullptr || bytes > total_bytes) return nullptr;
  const std::size_t taken = alignment + (bytes + alignment - 1) / alignment * alignment;
  if (total_bytes - cut_bytes_ < taken) return nullptr;
  void* const memory = begin_ + cut_bytes_ + alignment;
  cut_bytes_ += taken;
  ++blocks_;
  static_cast<std::uint64_t*>(memory)[-1] = taken - alignment;
  return memory;
}

void MemoryReserve::deallocate(void*) noexcept {
  if (--blocks_ == 0) cut_bytes_ = 0;
}

}  // namespace ringrpc::http2
