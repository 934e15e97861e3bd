/// One thread's part of the load. Connections and calls are dealt like cards: connection c goes to thread
/// c mod threads, call k to connection k mod connections. So a thread's share of the calls equals its
/// share of the connections.
#pragma once

#include <cstdint>

namespace ringrpc::grpcbench {

struct Dealt {
  unsigned index = 0;  ///< the thread's number
  unsigned threads = 1;
  unsigned connections = 1;  ///< of all threads; at least `threads`

  std::uint64_t own_connections() const noexcept { return of_round(connections); }
  std::uint64_t own_calls(std::uint64_t calls) const noexcept {
    return calls / connections * own_connections() + of_round(calls % connections);
  }
  /// The number, over all threads, of the thread's call `own`. Both count from 0.
  std::uint64_t number_of(std::uint64_t own) const noexcept {
    return own / own_connections() * connections + index + own % own_connections() * threads;
  }

 private:
  /// The thread's part of the first `cards` cards.
  std::uint64_t of_round(std::uint64_t cards) const noexcept {
    return cards / threads + (index < cards % threads ? 1 : 0);
  }
};

}  // namespace ringrpc::grpcbench
