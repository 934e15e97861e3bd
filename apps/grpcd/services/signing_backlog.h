/// Limits the request data that waits for signing workers, in bytes over all requests.
///
///   const auto backlog = std::make_shared<SigningBacklog>(64 << 20);
///   Result<SigningBacklog::Share> share = SigningBacklog::take(backlog, origin.peer, bytes);
///
/// `take` returns RESOURCE_EXHAUSTED beyond the limit; destroying the share returns its bytes.
///
/// A limit on the number of requests alone would allow that number times the largest message. An address may
/// have half of what others leave: one address alone has half, and the second a quarter. So no address can use
/// all. All members may be used from any thread at the same time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "ringrpc/status.h"

#include "reactor/peer_key.h"

namespace ringrpc {

class SigningBacklog {
 public:
  explicit SigningBacklog(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

  /// Bytes taken from the backlog; the destructor returns them.
  class Share {
   public:
    Share(std::shared_ptr<SigningBacklog> backlog, const PeerKey& peer, std::size_t bytes) noexcept
        : backlog_(std::move(backlog)), peer_(peer), bytes_(bytes) {}
    Share(Share&& other) noexcept = default;
    Share& operator=(Share&& other) = delete;
    ~Share() {
      if (backlog_) backlog_->give_back(peer_, bytes_);
    }

   private:
    std::shared_ptr<SigningBacklog> backlog_;  // shared, because a job may outlive its service
    PeerKey peer_;
    std::size_t bytes_;
  };

  /// A request with more data than the limit is accepted when no other waits: otherwise it could never be
  /// signed.
  static Result<Share> take(std::shared_ptr<SigningBacklog> backlog, const PeerKey& peer, std::size_t bytes) {
    const std::lock_guard lock(backlog->mutex_);
    std::size_t& all = backlog->bytes_;
    const auto found = backlog->of_peer_.find(peer);
    const std::size_t own = found == backlog->of_peer_.end() ? 0 : found->second;
    const std::size_t most = (backlog->bytes_max_ - std::min(all - own, backlog->bytes_max_)) / 2;
    if (all != 0 && own + bytes > most)
      return fail(Code::RESOURCE_EXHAUSTED,
                  "the backlog is full for this address: it has " + std::to_string(own) +
                      " bytes there, and " + std::to_string(bytes) + " more would exceed " +
                      std::to_string(most) + ", half of what other addresses leave of " +
                      std::to_string(backlog->bytes_max_) + " (backlog limit)");
    if (bytes > 0) backlog->of_peer_[peer] = own + bytes;
    all += bytes;
    return Share(std::move(backlog), peer, bytes);
  }

  /// The bytes taken at the moment.
  std::size_t bytes() const noexcept {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  void give_back(const PeerKey& peer, std::size_t bytes) noexcept {
    if (bytes == 0) return;
    const std::lock_guard lock(mutex_);
    bytes_ -= bytes;
    const auto own = of_peer_.find(peer);
    if ((own->second -= bytes) == 0) of_peer_.erase(own);
  }

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::size_t bytes_ = 0;
  std::map<PeerKey, std::size_t> of_peer_;  // the addresses that have data here
};

}  // namespace ringrpc
