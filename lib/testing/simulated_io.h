/// The backend of one shard on a simulated network.
///
/// A completion has two steps, as in a kernel:
/// 1. an event, at its time, moves bytes between sockets: `wait` runs the events that are due;
/// 2. the result is delivered to the handler: `dispatch` runs that.
///
/// The object and the closures of both steps share the state of a stream, an acceptor or a connector, so the
/// state lives until the last of them is done. The object's destructor removes the handler and schedules one
/// more event, which keeps the state a while longer.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "reactor/io.h"
#include "testing/simulated.h"
#include "testing/simulated_kernel.h"
#include "testing/simulated_socket.h"

namespace ringrpc {

class SimulatedIo final : public Io {
 public:
  using Action = std::move_only_function<void()>;

  explicit SimulatedIo(SimulatedNetwork& network);
  SimulatedIo(const SimulatedIo&) = delete;
  SimulatedIo& operator=(const SimulatedIo&) = delete;
  /// Destroy every stream, acceptor and connector before.
  ~SimulatedIo() override;

  std::string_view name() const noexcept override { return "simulated"; }
  Instant now() const noexcept override { return network_.now(); }
  Result<std::unique_ptr<Acceptor>> listen(const SocketAddress& address, int backlog,
                                           Acceptor::Handler& handler) override;
  /// The simulated network has only its own sockets.
  Result<std::unique_ptr<Acceptor>> listen(UniqueFd, Acceptor::Handler&) override {
    return fail(Code::INVALID_ARGUMENT, "it is not a socket of the simulated network",
                Initiator::application);
  }
  std::unique_ptr<Connector> connect(const SocketAddress& address, Connector::Handler& handler) override;
  SocketAddress peer(const UniqueFd& connection) const override;
  std::unique_ptr<ByteStream> adopt(UniqueFd connection) override;
  bool wait(Instant until) override;
  bool dispatch(Instant until) override;
  void wake() noexcept override {}

  SimulatedNetwork& network() noexcept { return network_; }

  /// The time at which the shard has something to do: now, unless its last `wait` was allowed to sleep and
  /// found nothing.
  Instant wakes_at() const noexcept { return std::min(sleeps_until_, next_event()); }

  /// Runs `event` in a later `wait`, at least `at_least` from now; the fault `delay` may make it later.
  void schedule(Action event, Nanoseconds at_least = Nanoseconds::zero());
  /// Runs `delivery` in one of the next calls of `dispatch`, in the order of these calls.
  void complete(Action delivery) { completions_.push_back(std::move(delivery)); }

  void object_made() noexcept { ++objects_; }
  void object_gone() noexcept { --objects_; }

 private:
  Instant next_event() const noexcept { return events_.empty() ? never : events_.begin()->first.first; }

  SimulatedNetwork& network_;
  std::map<std::pair<Instant, std::uint64_t>, Action> events_;
  std::deque<Action> completions_;
  Instant sleeps_until_ = Instant::min();
  std::size_t objects_ = 0;
};

}  // namespace ringrpc
