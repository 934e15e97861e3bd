/// What a thread has had of its processor, and what it had to wait for it.
///
///   const ProcessorTime before = ProcessorTime::of_this_thread();
///   ...
///   const ProcessorTime spent = ProcessorTime::of_this_thread() - before;
#pragma once

#include "ringrpc/clock.h"

namespace ringrpc::grpcbench {

struct ProcessorTime {
  Nanoseconds passed{0};  ///< whatever the thread did
  Nanoseconds running{0};
  Nanoseconds waiting{0};  ///< ready to run while others ran; zero where the kernel does not tell

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
