/// Marks code of the simulated backend that stands for the kernel. A kernel's memory is not the program's, so
/// a test that lets allocations fail spares those made while one of these objects is in scope.
///
///   const SimulatedKernel at_work;
///   events_.emplace(when, std::move(event));
#pragma once

#include <utility>

namespace ringrpc {

class SimulatedKernel {
 public:
  SimulatedKernel() noexcept : before_(std::exchange(is_at_work, true)) {}
  SimulatedKernel(const SimulatedKernel&) = delete;
  SimulatedKernel& operator=(const SimulatedKernel&) = delete;
  ~SimulatedKernel() { is_at_work = before_; }

  /// True if such code is running on this thread.
  static bool at_work() noexcept { return is_at_work; }

 private:
  static inline constinit thread_local bool is_at_work = false;
  bool before_;
};

}  // namespace ringrpc
