/// Counts the connections of each peer, over all shards of a server.
///
///   PeerCounts::Hold hold = PeerCounts::take(counts, peer_key(address, socket), 100);
///   if (!hold) refuse();                     // the peer has 100 connections already
///   connection->keep(std::move(hold));       // counts until it is destroyed, on any thread
///
/// A peer takes memory here only while it has connections.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "reactor/peer_key.h"

namespace ringrpc {

class PeerCounts final {
  using Counts = std::map<PeerKey, std::uint32_t>;

 public:
  /// The count of one connection, or of none.
  class Hold final {
   public:
    Hold() noexcept = default;
    Hold(Hold&& other) noexcept : owner_(std::move(other.owner_)), at_(other.at_) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(at_, other.at_);
      return *this;
    }
    ~Hold() {
      if (owner_) owner_->give_back(at_);
    }

    explicit operator bool() const noexcept { return owner_ != nullptr; }
    /// The peer that is counted. Connections that are not counted share one.
    PeerKey peer() const noexcept { return owner_ ? at_->first : PeerKey{}; }

   private:
    friend PeerCounts;
    Hold(std::shared_ptr<PeerCounts> owner, Counts::iterator at) noexcept
        : owner_(std::move(owner)), at_(at) {}

    std::shared_ptr<PeerCounts> owner_;
    Counts::iterator at_{};
  };

  /// Counts one more connection of `peer`. Returns an empty hold if the peer has `most` already. From any
  /// thread.
  static Hold take(const std::shared_ptr<PeerCounts>& counts, const PeerKey& peer, std::uint32_t most) {
    const std::lock_guard lock(counts->mutex_);
    const auto at = counts->counts_.try_emplace(peer, 0).first;
    if (at->second >= most) return {};
    ++at->second;
    return {counts, at};
  }

  /// The number of peers that have a connection. From any thread.
  std::size_t peers() const {
    const std::lock_guard lock(mutex_);
    return counts_.size();
  }

 private:
  void give_back(Counts::iterator at) noexcept {
    const std::lock_guard lock(mutex_);
    if (--at->second == 0) counts_.erase(at);
  }

  mutable std::mutex mutex_;
  Counts counts_;
};

}  // namespace ringrpc
