/// Asserts that a function which calls out is not called again from inside its events.
///
///   Status Session::receive(Bytes bytes) {
///     const Inside inside(inside_);  // `inside_` is a bool of the session
#pragma once

#include <cassert>

namespace ringrpc {

/// Keeps the flag set for as long as this object exists; asserts that it was clear.
class Inside {
 public:
  explicit Inside(bool& flag) noexcept : flag_(flag) {
    assert(!flag_);
    flag_ = true;
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  ~Inside() { flag_ = false; }

 private:
  bool& flag_;
};

}  // namespace ringrpc
