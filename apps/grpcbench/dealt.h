/// Which part of a load is one thread's: dealt out as cards are, connection c to thread c mod threads, and
/// call k for connection k mod connections. So a thread has as much of the calls as of the connections.
#pragma once

#include <cstdint>

namespace ringrpc::grpcbench {

struct Dealt {
  unsigned index = 0;  ///< of the thread
  unsigned threads = 1;
  unsigned connections = 1;  ///< of all threads; as many as those at least

  std::uint64_t own_connections() const noexcept { return of_round(connections); }
  std::uint64_t own_calls(std::uint64_t calls) const noexcept {
    return calls / connections * own_connections() + of_round(calls % connections);
  }

 private:
  /// How many of the first cards of a round.
  std::uint64_t of_round(std::uint64_t cards) const noexcept {
    return cards / threads + (index < cards % threads ? 1 : 0);
  }
};

}  // namespace ringrpc::grpcbench
