/// Small memory of a call from the pool of coroutine frames, for objects that one shard allocates and frees
/// again and again.
///
///   std::vector<std::uint8_t, FrameAllocator<std::uint8_t>> request;
///   class OutgoingCall : public Pooled { ... };
///
/// Memory returns to the pool of the thread that frees it. Freeing on another thread than the allocating
/// one is correct but slower.
#pragma once

#include <cstddef>

#include "ringrpc/task.h"

namespace ringrpc {

/// The bytes in use that this thread has allocated from its pool, less those that it has freed. A difference
/// between two moments is the memory that was taken in between.
std::size_t held_frame_bytes() noexcept;

template <class T>
struct FrameAllocator {
  using value_type = T;

  FrameAllocator() noexcept = default;
  template <class U>
  FrameAllocator(const FrameAllocator<U>&) noexcept {
  }  // NOLINT(google-explicit-constructor): as containers want it

  T* allocate(std::size_t count) { return static_cast<T*>(detail::allocate_frame(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) noexcept { detail::free_frame(memory, count * sizeof(T)); }

  friend bool operator==(const FrameAllocator&, const FrameAllocator&) noexcept { return true; }
};

/// A base class whose descendants are allocated from the pool.
struct Pooled {
  static void* operator new(std::size_t bytes) { return detail::allocate_frame(bytes); }
  static void operator delete(void* memory, std::size_t bytes) noexcept { detail::free_frame(memory, bytes); }
};

}  // namespace ringrpc
