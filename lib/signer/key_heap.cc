#include "signer/key_heap.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <mutex>
#include <openssl/crypto.h>
#include <sodium.h>

#include "signer/guarded_bytes.h"

namespace ringrpc {

namespace {

/// Blocks of powers of two, each after a header with its size. Freed blocks wait in one list for each size.
class Heap {
 public:
  static constexpr unsigned order_max = 16;

  explicit Heap(GuardedBytes memory) noexcept
      : memory_(std::move(memory)), begin_(memory_.writable().data()), end_(begin_ + memory_.size()) {
    const auto misaligned = reinterpret_cast<std::uintptr_t>(begin_) % alignof(Block);
    fresh_ = begin_ + (misaligned > 0 ? alignof(Block) - misaligned : 0);
  }

  bool owns(const void* address) const noexcept {
    const auto* at = static_cast<const std::uint8_t*>(address);
    return at >= begin_ && at < end_;
  }

  /// Null if there is no room.
  void* allocate(std::size_t bytes) noexcept {
    const unsigned order = order_of(bytes);
    const std::lock_guard lock(mutex_);
    Block* block = take_freed(order, order);
    if (!block) block = carve(order);
    if (!block) block = take_freed(order + 1, order_max);
    if (!block) return nullptr;
    used_bytes_ += std::size_t{1} << block->order;
    return block + 1;
  }

  void release(void* data) noexcept {
    Block* block = block_of(data);
    sodium_memzero(data, size_of(data));
    const std::lock_guard lock(mutex_);
    used_bytes_ -= std::size_t{1} << block->order;
    block->next = free_[block->order];
    free_[block->order] = block;
  }

  static std::size_t size_of(void* data) noexcept { return std::size_t{1} << block_of(data)->order; }

  std::size_t used_bytes() const noexcept {
    const std::lock_guard lock(mutex_);
    return used_bytes_;
  }

 private:
  struct alignas(64) Block {
    unsigned order;
    Block* next;
  };
  static constexpr unsigned order_min = 6;  // a cache line

  /// A freed block of the smallest order in [first, last] that has one.
  Block* take_freed(unsigned first, unsigned last) noexcept {
    for (unsigned order = first; order <= last; ++order)
      if (Block* const block = free_[order]) return free_[order] = block->next, block;
    return nullptr;
  }

  /// A new block; null if all memory has been made into blocks.
  Block* carve(unsigned order) noexcept {
    const std::size_t whole = sizeof(Block) + (std::size_t{1} << order);
    if (whole > static_cast<std::size_t>(end_ - fresh_)) return nullptr;
    auto* const block = new (fresh_) Block{order, nullptr};
    fresh_ += whole;
    return block;
  }

  static unsigned order_of(std::size_t bytes) noexcept {
    return std::max(order_min, static_cast<unsigned>(std::bit_width(std::max<std::size_t>(bytes, 1) - 1)));
  }
  static Block* block_of(void* data) noexcept { return static_cast<Block*>(data) - 1; }

  GuardedBytes memory_;
  std::uint8_t* begin_;
  std::uint8_t* end_;
  std::uint8_t* fresh_;
  mutable std::mutex mutex_;
  std::array<Block*, order_max + 1> free_{};
  std::size_t used_bytes_ = 0;
};

/// Lives until the process ends, because OpenSSL frees some of its memory after all destructors.
constinit Heap* heap = nullptr;
constinit thread_local unsigned scopes = 0;

/// True for sizes that no part of a key has. They are scrypt's working memory, often 16 MiB.
bool beyond_keys(std::size_t bytes) noexcept { return bytes > std::size_t{1} << Heap::order_max; }

void* allocate(std::size_t bytes, const char*, int) {
  if (bytes == 0) return nullptr;
  return scopes > 0 && !beyond_keys(bytes) ? heap->allocate(bytes) : std::malloc(bytes);
}

void release(void* data, const char*, int) {
  if (heap && heap->owns(data)) return heap->release(data);
  std::free(data);
}

/// Guarded memory stays guarded, and memory that grows on a thread in a Scope becomes guarded.
void* reallocate(void* data, std::size_t bytes, const char* file, int line) {
  if (!data) return allocate(bytes, file, line);
  if (bytes == 0) return release(data, file, line), nullptr;
  const bool guarded = heap && heap->owns(data);
  if (!guarded && (scopes == 0 || beyond_keys(bytes))) return std::realloc(data, bytes);
  if (beyond_keys(bytes)) return nullptr;
  void* moved = heap->allocate(bytes);
  if (!moved) return nullptr;
  std::memcpy(moved, data, std::min(bytes, guarded ? Heap::size_of(data) : ::malloc_usable_size(data)));
  release(data, file, line);
  return moved;
}

Status make_heap(std::size_t bytes) {
  Result<GuardedBytes> memory = GuardedBytes::make(bytes);
  if (!memory) return std::move(memory).error();
  if (CRYPTO_set_mem_functions(allocate, reallocate, release) <= 0)
    return fail(Code::FAILED_PRECONDITION,
                "OpenSSL has been used before its memory could be guarded; make or load keys first",
                Initiator::library);
  heap = new Heap(std::move(*memory));
  return {};
}

}  // namespace

Status KeyHeap::prepare(std::size_t bytes) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  return heap ? Status() : make_heap(bytes);
}

KeyHeap::Scope::Scope() noexcept { ++scopes; }
KeyHeap::Scope::~Scope() { --scopes; }

bool KeyHeap::owns(const void* address) noexcept { return heap && heap->owns(address); }
std::size_t KeyHeap::used_bytes() noexcept { return heap ? heap->used_bytes() : 0; }

}  // namespace ringrpc
