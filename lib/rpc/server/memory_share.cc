#include "rpc/server/memory_share.h"

#include <chrono>
#include <string>
#include <utility>

#include "ringrpc/log.h"

#include "base/caught.h"
#include "rpc/server/server_connection.h"

namespace ringrpc {
namespace {

constexpr Nanoseconds search_interval = std::chrono::milliseconds(100);

/// A search for an address that holds little may follow sooner, because a flood fills quickly what a search has
/// freed. A search takes longer with more connections, so the interval grows with them.
constexpr Nanoseconds least_interval = std::chrono::milliseconds(5);
constexpr Nanoseconds interval_per_connection = std::chrono::microseconds(5);

/// The part of the limit that is kept for connections that hold little, and the part that is freed at once.
constexpr std::size_t parts = 16;

/// An address that holds more than this part of the limit does not hold little.
constexpr std::size_t little_parts = 256;

/// Others give way only to those that hold less than this part of what they hold, so that equals do not take
/// turns in closing each other.
constexpr std::size_t least_ratio = 4;

}  // namespace

MemoryShare::MemoryShare(Shard& shard, ListOf<ServerConnection, ConnectionTag>& connections,
                         std::size_t limit_bytes, std::size_t largest_message)
    : shard_(shard),
      connections_(connections),
      limit_bytes_(std::max(limit_bytes, least_limit_bytes(largest_message))),
      kept_bytes_(std::min(limit_bytes_ / parts, limit_bytes_ - least_limit_bytes(largest_message))) {}

bool MemoryShare::fits(const Asking& asking) const noexcept {
  const bool little = asking.held_bytes + asking.more <= little_bytes;
  const std::size_t kept_bytes = !little ? kept_bytes_ : is_heavy(asking.address) ? kept_bytes_ / 2 : 0;
  return used_bytes() + asking.more <= limit_bytes_ - kept_bytes;
}

bool MemoryShare::is_heavy(const PeerKey& address) const noexcept {
  return std::ranges::binary_search(heavy_, address);
}

bool MemoryShare::make_room(const Asking& asking) noexcept try {
  if (fits(asking)) return true;
  if (shard_.now() - searched_ < (is_heavy(asking.address) ? search_interval : short_interval_)) return false;
  searched_ = shard_.now();
  connections_.for_each([](ServerConnection& connection) {
    connection.recount();
    connection.weigh_socket();
  });
  const HeldByAddress held = weigh_addresses();
  if (fits(asking)) return true;
  relieve(asking, held);
  return fits(asking);
} catch (...) {
  (void)caught();  // there is no memory for the search
  return false;
}

/// Returns the bytes that each address holds, and notes the addresses that do not hold little.
MemoryShare::HeldByAddress MemoryShare::weigh_addresses() {
  HeldByAddress held;
  int connections = 0;
  connections_.for_each([&](const ServerConnection& each) {
    held[each.address()] += each.held_bytes();
    ++connections;
  });
  short_interval_ = std::clamp(interval_per_connection * connections, least_interval, search_interval);
  heavy_.clear();
  for (const auto& [address, bytes] : held)
    if (bytes > limit_bytes_ / little_parts) heavy_.push_back(address);
  return held;
}

/// Closes connections of the address that holds most.
void MemoryShare::relieve(const Asking& asking, const HeldByAddress& held) {
  const auto most = std::ranges::max_element(held, {}, [](const auto& each) { return each.second; });
  if (most == held.end()) return;
  const std::size_t asking_bytes = asking.held_bytes + asking.more;
  const auto own = held.find(asking.address);
  const std::size_t own_bytes = own == held.end() ? 0 : own->second;
  const bool other_is_heavy = (own_bytes + asking.more) * least_ratio < most->second;
  if (asking_bytes > little_bytes && !other_is_heavy) return;

  std::vector<ServerConnection*> idle;
  std::vector<ServerConnection*> busy;
  connections_.for_each([&](ServerConnection& each) {
    if (each.lost() || &each == asking.connection || each.address() != most->first) return;
    (each.idle() ? idle : busy).push_back(&each);
  });
  std::ranges::sort(idle, {}, &ServerConnection::idle_since);
  std::ranges::sort(busy, std::ranges::greater(), &ServerConnection::held_bytes);
  const std::size_t idle_closed = close(idle, 0);
  const std::size_t busy_closed = close(busy, other_is_heavy ? 0 : asking_bytes * least_ratio);
  if (idle_closed + busy_closed == 0) return;
  const ServerConnection& one = idle_closed > 0 ? *idle.front() : *busy.front();
  if (const auto left_out = logged_.take(shard_.now()))
    log::warn(
        "{}: {} connections of its address, which holds most, were closed to make room, {} of them without "
        "calls: this shard may hold {} bytes by ServerOptions::max_total_buffered_bytes (grpcd "
        "--max-total-buffered-size), a sixteenth of which is kept for connections that hold little; raise it "
        "together with the memory of the process{}",
        log::Field("peer", one.peer()), idle_closed + busy_closed, idle_closed, limit_bytes_,
        left_out->words());
}

/// Closes them in their order, as long as room is wanted and they hold `least_bytes`. Returns their number.
std::size_t MemoryShare::close(const std::vector<ServerConnection*>& victims, std::size_t least_bytes) {
  const std::size_t enough_bytes = limit_bytes_ - kept_bytes_ - limit_bytes_ / parts;
  std::size_t closed = 0;
  for (ServerConnection* const victim : victims) {
    if (used_bytes() <= enough_bytes || victim->held_bytes() < least_bytes) break;
    leaving_bytes_ += victim->give_way();
    ++closed;
  }
  return closed;
}

}  // namespace ringrpc
