/// The memory that a shard's channel uses to keep requests for further attempts. Each call has a share.
///
///   RetryMemory memory(16 << 20);
///   RetryMemory::Share share(memory);
///   if (memory.has_room(bytes)) share.keep(bytes);    // given back when the share ends
#pragma once

#include <cstddef>
#include <utility>

namespace ringrpc {

class RetryMemory {
 public:
  class Share {
   public:
    explicit Share(RetryMemory& memory) noexcept : memory_(memory) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { keep(0); }

    /// The share has this many bytes from now on. With none it may outlive the memory.
    void keep(std::size_t bytes) noexcept {
      if (bytes == bytes_) return;
      memory_.used_bytes_ += bytes;
      memory_.used_bytes_ -= std::exchange(bytes_, bytes);
    }

   private:
    RetryMemory& memory_;
    std::size_t bytes_ = 0;
  };

  explicit RetryMemory(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}
  RetryMemory(const RetryMemory&) = delete;
  RetryMemory& operator=(const RetryMemory&) = delete;

  bool has_room(std::size_t more_bytes) const noexcept { return more_bytes <= bytes_max_ - used(); }

 private:
  /// A message that is written before the first attempt is kept in any case.
  std::size_t used() const noexcept { return used_bytes_ < bytes_max_ ? used_bytes_ : bytes_max_; }

  const std::size_t bytes_max_;
  std::size_t used_bytes_ = 0;
};

}  // namespace ringrpc
