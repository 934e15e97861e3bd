/// The wire between the two sessions of a test, when strings are not enough.
///
///   RINGRPC_WIRE=sockets http2-tests       # TCP on the loopback, by io_uring
///   RINGRPC_WIRE=simulated http2-tests     # one that cuts and delays, once for each seed (seeds.h)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "http2/session.h"
#include "reactor/shard.h"

namespace ringrpc {
class Peer;
}

namespace ringrpc::http2::test {

class Wire {
 public:
  using Take = std::function<bool(std::string_view)>;

  /// The wire that the environment selects; null for none.
  static std::unique_ptr<Wire> make();
  /// True if the environment selects the simulated network. The seed is that of the next wire that `make`
  /// makes.
  static bool simulated();
  static void set_seed(std::uint64_t seed) noexcept;

  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  virtual ~Wire();

  /// Sends `bytes` to that side and passes them to `take` there as they arrive. False if it refused some; the
  /// rest is dropped.
  bool carry(std::string_view bytes, Role to, const Take& take);

 protected:
  Wire() = default;
  void connect(Shard& shard, std::pair<UniqueFd, UniqueFd> ends);
  void disconnect() noexcept;

 private:
  /// Turns the shard until `done` holds. False if it never does.
  virtual bool run_until(const std::function<bool()>& done) = 0;

  std::unique_ptr<Peer> client_;
  std::unique_ptr<Peer> server_;
};

}  // namespace ringrpc::http2::test
