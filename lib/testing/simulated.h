/// An in-memory network for tests: the seam of reactor/io.h, with a clock that the test advances and faults
/// drawn from a seed.
///
///   SimulatedNetwork network(seed, {.short_read = 0.2, .reset = 0.001});
///   Shard server(0, network.make_io()), client(1, network.make_io());
///   ...  // turn the shards
///   network.advance_to(network.wakes_at());
///   CHECK(network.open_descriptors() == 0);
///
/// (testing/simulation.h turns the shards.) The network is as hostile as io.h allows. A completion may come
/// late. Received bytes are overwritten as soon as `on_received` returns. A paused stream may still deliver a
/// buffer. A destroyed stream's descriptor and the chain that it was sending are held until a completion that
/// comes later still. The same seed and the same calls give the same run.
///
/// One thread, and one network at a time on it. Destroy the shards before their network. `wait` never sleeps.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "ringrpc/clock.h"

#include "base/unique_fd.h"
#include "reactor/io.h"

namespace ringrpc {

class SimulatedFile;
class SimulatedIo;
class SimulatedListener;
class SimulatedSocket;

/// The faults, each with its probability for a completion. All are off by default.
struct Faults {
  double short_read = 0;      ///< a receive gets fewer bytes than have arrived
  double short_write = 0;     ///< a send takes fewer bytes than there is room for
  double delay = 0;           ///< a completion comes up to `delay_max` later
  double reset = 0;           ///< the connection breaks (ECONNRESET) and loses the bytes in flight
  double no_buffers = 0;      ///< a receive finds no buffer (ENOBUFS) and is tried again after 1 ms
  double accept_failure = 0;  ///< accepting fails with EMFILE or ENFILE
  double refuse = 0;          ///< a connect is refused (ECONNREFUSED)

  Nanoseconds delay_max = std::chrono::milliseconds(5);
  std::size_t socket_buffer_bytes = 64 * 1024;  ///< unread bytes that a socket holds
  std::size_t receive_bytes_max = 16 * 1024;    ///< that a receive gets
  std::size_t descriptors_max =
      std::numeric_limits<std::size_t>::max();  ///< accepting more connections fails with EMFILE
};

/// The number of times that each fault has happened.
struct FaultCounts {
  std::uint64_t short_reads = 0;
  std::uint64_t short_writes = 0;
  std::uint64_t delays = 0;
  std::uint64_t resets = 0;
  std::uint64_t no_buffers = 0;
  std::uint64_t accept_failures = 0;
  std::uint64_t refusals = 0;
};

class SimulatedNetwork {
 public:
  explicit SimulatedNetwork(std::uint64_t seed, const Faults& faults = {});
  SimulatedNetwork(const SimulatedNetwork&) = delete;
  SimulatedNetwork& operator=(const SimulatedNetwork&) = delete;
  ~SimulatedNetwork();

  /// A backend for one shard. All backends of a network see the same sockets. Addresses are compared exactly:
  /// there are no wildcards.
  std::unique_ptr<Io> make_io();

  /// The two ends of a connection that needs no accept. The first end's peer has the address `from`.
  std::pair<UniqueFd, UniqueFd> connected_pair(const SocketAddress& from = {});

  /// The address that clients connect from. For an IP address each client gets its own port; without one it
  /// is the address that they connect to.
  SocketAddress& client_address() noexcept { return client_address_; }

  /// From now on, attempts to connect to that address get no response, as if packets were lost.
  void swallow(const SocketAddress& address) { swallowed_.push_back(address); }

  /// May be changed at any time. Completions that are scheduled already are not affected.
  Faults& faults() noexcept { return faults_; }
  const FaultCounts& fault_counts() const noexcept { return counts_; }

  Instant now() const noexcept { return now_; }
  /// No effect if `when` has passed.
  void advance_to(Instant when) noexcept { now_ = std::max(now_, when); }
  /// The time at which a shard has something to do next, timers included. In the past if a shard was busy in
  /// its last turn, `never` if nothing is left. Valid only if the shards' turns may sleep: `turn(true)`.
  Instant wakes_at() const noexcept;

  /// The number of sockets and listeners that are not closed. Those of destroyed streams count until their
  /// last completion.
  std::size_t open_descriptors() const noexcept { return files_.size(); }

  /// A digest of all completions and their times: equal for equal runs.
  std::uint64_t trace() const noexcept { return trace_; }

  /// A random number below `limit`, which must not be 0. It is drawn from the seed, so that tests may use it.
  std::uint64_t random_below(std::uint64_t limit) noexcept { return random_() % limit; }

 private:
  friend SimulatedIo;
  friend class SimulatedAcceptorState;
  friend class SimulatedConnectorState;
  friend class SimulatedStreamState;

  static int close_descriptor(int descriptor) noexcept;

  bool happens(double probability, std::uint64_t& count) noexcept;
  Nanoseconds draw_delay() noexcept;
  void record(int descriptor, std::uint64_t what) noexcept;

  UniqueFd install(std::unique_ptr<SimulatedFile> file);
  SimulatedSocket& socket(int descriptor);
  SimulatedListener& listener(int descriptor);
  SimulatedListener* find_listener(const SocketAddress& address) noexcept;
  bool swallows(const SocketAddress& address) const noexcept;
  Result<UniqueFd> listen(const SocketAddress& address, int backlog);
  std::pair<std::unique_ptr<SimulatedSocket>, std::unique_ptr<SimulatedSocket>> connect(
      const SocketAddress& to);

  Faults faults_;
  SocketAddress client_address_;
  std::vector<SocketAddress> swallowed_;
  FaultCounts counts_;
  std::mt19937_64 random_;
  std::uint64_t trace_ = 0;
  Instant now_{std::chrono::hours(1)};
  std::uint64_t next_sequence_ = 0;
  std::uint16_t next_port_ = 40'000;
  int next_descriptor_;
  std::map<int, std::unique_ptr<SimulatedFile>> files_;
  std::vector<SimulatedIo*> ios_;
};

}  // namespace ringrpc
