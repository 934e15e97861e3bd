/// Limits the request data that waits for signing workers, in bytes over all requests.
///
///   const auto backlog = std::make_shared<SigningBacklog>(64 << 20);
///   Result<SigningBacklog::Share> share = SigningBacklog::take(backlog, bytes);
///
/// `take` returns RESOURCE_EXHAUSTED beyond the limit; destroying the share returns its bytes.
///
/// A limit on the number of requests alone would allow that number times the largest message. All members may
/// be used from any thread at the same time.
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

  /// Bytes taken from the backlog; the destructor returns them.
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
    std::shared_ptr<SigningBacklog> backlog_;  // shared, because a job may outlive its service
    std::size_t bytes_;
  };

  /// A request with more data than the limit is accepted when no other waits: otherwise it could never be
  /// signed.
  static Result<Share> take(std::shared_ptr<SigningBacklog> backlog, std::size_t bytes) {
    // Compare and exchange, not add and subtract: a refused request must not count even for a moment, or it
    // could cause another to be refused.
    std::size_t before = backlog->bytes_;
    do {
      if (before != 0 && before + bytes > backlog->bytes_max_)
        return fail(Code::RESOURCE_EXHAUSTED, "the backlog is full: " + std::to_string(before) +
                                                  " bytes of data are waiting (backlog limit " +
                                                  std::to_string(backlog->bytes_max_) + ")");
    } while (!backlog->bytes_.compare_exchange_weak(before, before + bytes));
    return Share(std::move(backlog), bytes);
  }

  /// The bytes taken at the moment.
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> bytes_ = 0;
};

}  // namespace ringrpc
