/// The time for which a thread has run, and for which it has waited for a processor.
///
///   const ProcessorTime before = ProcessorTime::of_this_thread();
///   ...
///   const ProcessorTime spent = ProcessorTime::of_this_thread() - before;
#pragma once

#include "ringrpc/clock.h"

namespace ringrpc::grpcbench {

struct ProcessorTime {
  Nanoseconds passed{0};  ///< real time
  Nanoseconds running{0};
  Nanoseconds waiting{0};  ///< runnable while others ran; zero if the kernel does not report it

  static ProcessorTime of_this_thread();

  friend ProcessorTime operator-(const ProcessorTime& left, const ProcessorTime& right) noexcept {
    return {left.passed - right.passed, left.running - right.running, left.waiting - right.waiting};
  }
  ProcessorTime& operator+=(const ProcessorTime& other) noexcept {
    passed += other.passed;
    running += other.running;
    waiting += other.waiting;
    return *this;
  }
};

}  // namespace ringrpc::grpcbench
