// Allocates the frames of coroutines: free lists by size, one set for each thread.
//
// A handler's frame is allocated and freed on the same shard, mostly with the same size and soon after. So
// the last frame freed is the next one allocated: it is hot in the cache and costs a dozen instructions.

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#include "ringrpc/task.h"

#include "base/frame_allocator.h"

namespace ringrpc {
namespace {

constinit thread_local std::size_t held_bytes = 0;

}  // namespace

std::size_t held_frame_bytes() noexcept { return held_bytes; }

}  // namespace ringrpc

namespace ringrpc::detail {

#ifdef RINGRPC_SANITIZED

// The sanitizers detect the use of a destroyed frame only if its memory returns to the system.
void* allocate_frame(std::size_t bytes) {
  void* const frame = ::operator new(bytes);
  held_bytes += bytes;
  return frame;
}

void free_frame(void* frame, std::size_t bytes) noexcept {
  held_bytes -= bytes;
  ::operator delete(frame, bytes);
}

#else

namespace {

constexpr std::size_t step_bytes = 64;
constexpr std::size_t classes = 64;          // frames of up to 4 KiB; larger ones are not worth keeping
constexpr std::uint32_t keep_frames = 1024;  // of each size

constexpr std::size_t class_of(std::size_t bytes) noexcept { return (bytes - 1) / step_bytes; }

struct FreeFrame {
  FreeFrame* next;
};

struct FreeList {
  FreeFrame* first = nullptr;
  std::uint32_t room = 0;  // 0 until Release exists, which frees the frames at the thread's end
};

// Has neither constructor nor destructor, so that an access is one addition and needs no guard.
struct FramePool {
  std::array<FreeList, classes> lists;
  bool kept = false;
};

constinit thread_local FramePool pool;

/// Gives a thread's frames back to the system when it ends.
struct Release {
  ~Release() {
    for (FreeList& list : pool.lists) {
      while (FreeFrame* frame = list.first) {
        list.first = frame->next;
        ::operator delete(frame);
      }
      list.room = 0;  // later frames return to the system at once
    }
  }
};

/// Runs at a thread's first allocation, so that only threads that allocate frames keep any.
void begin_to_keep() {
  thread_local Release release;
  (void)&release;
  for (FreeList& list : pool.lists) list.room = keep_frames;
  pool.kept = true;
}

void* count(void* frame, std::size_t bytes) noexcept {
  held_bytes += bytes;
  return frame;
}

}  // namespace

void* allocate_frame(std::size_t bytes) {
  const std::size_t index = class_of(bytes);
  if (index >= classes) return count(::operator new(bytes), bytes);
  FreeList& list = pool.lists[index];
  if (FreeFrame* frame = list.first) {
    list.first = frame->next;
    ++list.room;
    held_bytes += bytes;
    return frame;
  }
  if (!pool.kept) begin_to_keep();
  return count(::operator new((index + 1) * step_bytes), bytes);
}

void free_frame(void* frame, std::size_t bytes) noexcept {
  held_bytes -= bytes;
  const std::size_t index = class_of(bytes);
  if (index >= classes || pool.lists[index].room == 0) {
    ::operator delete(frame);
    return;
  }
  FreeList& list = pool.lists[index];
  --list.room;
  list.first = new (frame) FreeFrame{list.first};
}

#endif

}  // namespace ringrpc::detail
