/// How much data waits for the threads that sign, of all requests together.
///
///   const auto backlog = std::make_shared<SigningBacklog>(64 << 20);
///   Result<SigningBacklog::Share> share = SigningBacklog::take(backlog, bytes);
///
/// Beyond the limit that is RESOURCE_EXHAUSTED; what was taken is given back with the share.
///
/// A limit on the number of requests alone would let it be that number times the largest message. May be used
/// from all threads at the same time.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "ringrpc/status.h"

namespace ringrpc {

class SigningBacklog {
 public:
  explicit SigningBacklog(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

  /// Part of what may wait; its end gives it back.
  class Share {
   public:
    Share(std::shared_ptr<SigningBacklog> backlog, std::size_t bytes) noexcept
        : backlog_(std::move(backlog)), bytes_(bytes) {}
    Share(Share&& other) noexcept = default;
    Share& operator=(Share&& other) = delete;
    ~Share() {
      if (backlog_) backlog_->bytes_ -= bytes_;
    }

   private:
    std::shared_ptr<SigningBacklog> backlog_;  // a job may end after the service that began it
    std::size_t bytes_;
  };

  /// A request with more data than the limit is taken when no other waits: it would never be signed
  /// otherwise.
  static Result<Share> take(std::shared_ptr<SigningBacklog> backlog, std::size_t bytes) {
    // Not added and taken back: what is refused must not count even for a moment, in which others would be.
    std::size_t before = backlog->bytes_;
    do {
      if (before != 0 && before + bytes > backlog->bytes_max_)
        return fail(Code::RESOURCE_EXHAUSTED, "the backlog is full: " + std::to_string(before) +
                                                  " bytes of data are waiting (backlog limit " +
                                                  std::to_string(backlog->bytes_max_) + ")");
    } while (!backlog->bytes_.compare_exchange_weak(before, before + bytes));
    return Share(std::move(backlog), bytes);
  }

  /// How many bytes wait now.
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> bytes_ = 0;
};

}  // namespace ringrpc
