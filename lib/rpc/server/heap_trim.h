/// Returns freed memory between allocations in use to the system. malloc does so only on request.
///
///   trim_heap();    // from any thread; returns at once
///
/// Trimming takes time in proportion to the heap and cannot be done in steps, so a background thread does it
/// for the whole process. Other threads wait only if they call malloc while their own arena is being trimmed.
#pragma once

namespace ringrpc {

/// Trimming begins at once, or `heap_trim_pause_s` after the last time. It is repeated after another
/// such pause, because other threads may free their part of the memory after this call. No effect if the
/// system has no thread for it.
void trim_heap() noexcept;

inline constexpr unsigned heap_trim_pause_s = 10;

}  // namespace ringrpc
