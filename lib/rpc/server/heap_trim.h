/// Gives back to the system what was freed and lies among what is in use, where malloc looks for it only when
/// asked.
///
///   trim_heap();    // from any thread; returns at once
///
/// The search takes as long as the heap is large and cannot be done in steps, so a thread of its own does it,
/// for the whole process: what has asked goes on, and is held up at most where it calls malloc while its own
/// arena is searched.
#pragma once

namespace ringrpc {

/// The search begins at once, or when `heap_trim_pause_s` have passed since the last one, and is made once more
/// as long after that: what other threads still had when this was asked for has been freed by then. It does
/// not begin while the system has no thread for it.
void trim_heap() noexcept;

inline constexpr unsigned heap_trim_pause_s = 10;

}  // namespace ringrpc
