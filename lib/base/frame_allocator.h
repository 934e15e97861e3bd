/// Small memory of a call, from the pool that coroutine frames come from: for what is made and given back on
/// one shard, again and again.
///
///   std::vector<std::uint8_t, FrameAllocator<std::uint8_t>> request;
///   class OutgoingCall : public Pooled { ... };
///
/// Memory goes to the pool of the thread that frees it; that is slower but right where it is another one.
#pragma once

#include <cstddef>

#include "ringrpc/task.h"

namespace ringrpc {

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

/// Objects of what derives from it come from the pool.
struct Pooled {
  static void* operator new(std::size_t bytes) { return detail::allocate_frame(bytes); }
  static void operator delete(void* memory, std::size_t bytes) noexcept { detail::free_frame(memory, bytes); }
};

}  // namespace ringrpc
