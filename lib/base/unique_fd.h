/// An owned file descriptor.
///
/// It carries the function that closes it, because the simulated backend has descriptors of its own.
#pragma once

#include <unistd.h>
#include <utility>

namespace ringrpc {

class UniqueFd {
 public:
  using Close = int (*)(int);

  UniqueFd() noexcept = default;
  explicit UniqueFd(int fd, Close close = ::close) noexcept : fd_(fd), close_(close) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)), close_(other.close_) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept {
    if (fd_ >= 0) close_(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
  Close close_ = ::close;
};

}  // namespace ringrpc
