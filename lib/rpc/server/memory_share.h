/// The memory that the connections of a shard and their calls may hold together, and who gives way when it is
/// used up.
///
///   memory.account(before, now);                              // for each change
///   if (!memory.has_room(more) && !memory.make_room({.connection = this, ...})) refuse();
///
/// 1. Calls do not report when their output has been sent. So each search for room counts all calls again
///    first.
/// 2. A sixteenth is kept for connections that hold little, so that small calls succeed beside large ones; half
///    of it for addresses that hold little.
/// 3. Then the address that holds most gives way, if the connection that asks holds little itself, or belongs
///    to an address that holds less than a quarter as much. Connections without calls are closed first, the
///    longest idle one at the beginning. Then those with calls are closed, the largest one at the beginning:
///    for another address, and for a connection that holds less than a quarter as much.
/// 4. If that does not suffice, the connection that asks is refused.
///
/// A sixteenth is freed at once. All connections are searched for it, so that happens at most every 100 ms, and for
/// addresses that hold little at most every 5 to 100 ms. Belongs to its shard.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <vector>

#include "ringrpc/clock.h"

#include "base/log_quota.h"
#include "reactor/intrusive_list.h"
#include "reactor/peer_key.h"
#include "reactor/shard.h"

namespace ringrpc {

class ServerConnection;
struct ConnectionTag;

class MemoryShare {
 public:
  /// A connection that holds at most this much with what it asks for holds little.
  static constexpr std::size_t little_bytes = 64 * 1024;

  /// The least limit for messages of this size: with room for a call and its connection.
  static constexpr std::size_t least_limit_bytes(std::size_t largest_message) {
    return largest_message + 64 * 1024;
  }

  /// A connection that asks for more.
  struct Asking {
    const ServerConnection* connection;  ///< null if it has just been accepted
    PeerKey address;
    std::size_t held_bytes;
    std::size_t more;
  };

  /// `connections` are those of the shard. A message of `largest_message` bytes finds room if there is nothing
  /// else: the limit is raised for it.
  MemoryShare(Shard& shard, ListOf<ServerConnection, ConnectionTag>& connections, std::size_t limit_bytes,
              std::size_t largest_message);

  std::size_t limit_bytes() const noexcept { return limit_bytes_; }
  std::size_t held_bytes() const noexcept { return held_bytes_; }
  std::size_t room_bytes() const noexcept { return limit_bytes_ - std::min(limit_bytes_, held_bytes_); }

  /// A part of a connection that held `before` bytes now holds `now`.
  void account(std::size_t before, std::size_t now) noexcept { held_bytes_ += now - before; }
  /// A connection that held `bytes` when it was closed to make room is gone.
  void has_left(std::size_t bytes) noexcept { leaving_bytes_ -= bytes; }

  /// True if any connection may hold `more` bytes.
  bool has_room(std::size_t more) const noexcept { return held_bytes_ + more <= limit_bytes_ - kept_bytes_; }
  /// True if this one may, now that others may have given way. Call it if `has_room` is false.
  bool make_room(const Asking& asking) noexcept;

 private:
  using HeldByAddress = std::map<PeerKey, std::size_t>;

  bool fits(const Asking& asking) const noexcept;
  bool is_heavy(const PeerKey& address) const noexcept;
  HeldByAddress weigh_addresses();
  void relieve(const Asking& asking, const HeldByAddress& held);
  std::size_t close(const std::vector<ServerConnection*>& victims, std::size_t least_bytes);
  std::size_t used_bytes() const noexcept { return held_bytes_ - std::min(held_bytes_, leaving_bytes_); }

  Shard& shard_;
  ListOf<ServerConnection, ConnectionTag>& connections_;
  const std::size_t limit_bytes_;
  const std::size_t kept_bytes_;  // of the limit: for connections that hold little
  std::size_t held_bytes_ = 0;
  std::size_t leaving_bytes_ = 0;  // of held_bytes_: of connections that are being closed to make room
  Instant searched_;
  Nanoseconds short_interval_{};  // until a search for an address that holds little
  std::vector<PeerKey> heavy_;    // the addresses that did not hold little at the last search, in order
  LogQuota logged_;
};

}  // namespace ringrpc
