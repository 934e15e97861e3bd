// Where the frames of coroutines come from: free lists by size, one set for each thread.
//
// A handler's frame is taken and given back on the same shard, mostly of the same size and soon after, so the
// last frame freed is the next one taken: it is hot in the cache and costs a dozen instructions.

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#include "ringrpc/task.h"

namespace ringrpc::detail {

#ifdef RINGRPC_SANITIZED

// The sanitizers see the use of a destroyed frame only when it goes back to the system.
void* allocate_frame(std::size_t bytes) { return ::operator new(bytes); }
void free_frame(void* frame, std::size_t bytes) noexcept { ::operator delete(frame, bytes); }

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
  std::uint32_t room = 0;  // none before there is somebody to give the frames back: see Release
};

// Needs neither construction nor destruction, so that reaching it is one addition and no guard.
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
      list.room = 0;  // what is freed after this goes to the system at once
    }
  }
};

/// A thread that allocates none keeps none.
void begin_to_keep() {
  thread_local Release release;
  (void)&release;
  for (FreeList& list : pool.lists) list.room = keep_frames;
  pool.kept = true;
}

}  // namespace

void* allocate_frame(std::size_t bytes) {
  const std::size_t index = class_of(bytes);
  if (index >= classes) return ::operator new(bytes);
  FreeList& list = pool.lists[index];
  if (FreeFrame* frame = list.first) {
    list.first = frame->next;
    ++list.room;
    return frame;
  }
  if (!pool.kept) begin_to_keep();
  return ::operator new((index + 1) * step_bytes);
}

void free_frame(void* frame, std::size_t bytes) noexcept {
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
