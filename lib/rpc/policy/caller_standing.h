/// Remembers which connections and addresses had a valid token, to prefer them to those that had none.
///
///   origin.trusted = standing.holds(origin);
///   standing.gain(origin);  // its token was valid
///   standing.lose(origin);  // its token was forged
///
/// A connection or an address that had a valid token holds it until a forged one comes from there. Callers who
/// share an address with forgers keep that of their connection. The room is limited: the last caller of a
/// place in the table remains.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "reactor/work_origin.h"

namespace ringrpc {

class CallerStanding {
 public:
  static constexpr std::size_t places = 2048;

  bool holds(const WorkOrigin& origin) const noexcept {
    for (const PeerKey& key : keys_of(origin))
      if (table_[place(key)] == key) return true;
    return false;
  }
  void gain(const WorkOrigin& origin) noexcept {
    for (const PeerKey& key : keys_of(origin)) table_[place(key)] = key;
  }
  void lose(const WorkOrigin& origin) noexcept {
    for (const PeerKey& key : keys_of(origin))
      if (table_[place(key)] == key) table_[place(key)].reset();
  }

 private:
  /// Of the connection, and of its address.
  static std::array<PeerKey, 2> keys_of(const WorkOrigin& origin) noexcept {
    return {PeerKey{AF_UNSPEC, origin.connection}, origin.peer};
  }
  static std::size_t place(const PeerKey& key) noexcept {
    constexpr std::uint64_t golden_ratio = 0x9e3779b97f4a7c15;  // Knuth's multiplicative hash
    return static_cast<std::size_t>((key.bits + key.family) * golden_ratio >> 32) % places;
  }

  std::vector<std::optional<PeerKey>> table_ = std::vector<std::optional<PeerKey>>(places);
};

}  // namespace ringrpc
