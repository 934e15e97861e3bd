/// What the simulated backend does in the place of a kernel. A kernel's memory is not the program's, so a test
/// that lets allocations fail spares those that are made while one of these is in scope.
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

  /// On this thread.
  static bool at_work() noexcept { return is_at_work; }

 private:
  static inline constinit thread_local bool is_at_work = false;
  bool before_;
};

}  // namespace ringrpc
