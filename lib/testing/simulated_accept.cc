// Listening and connecting in the simulated backend.
#include <cassert>
#include <cerrno>

#include "testing/simulated_io.h"

namespace ringrpc {

namespace {

/// TCP's first retry of a connect.
constexpr Nanoseconds connect_retry = std::chrono::seconds(1);

enum AcceptTrace : std::uint64_t { trace_accepted = 11, trace_accept_failed, trace_connected, trace_refused };

}  // namespace

/// The state that an acceptor shares with its event. At most one event is pending.
class SimulatedAcceptorState final : public std::enable_shared_from_this<SimulatedAcceptorState>,
                                     private SimulatedFile::Watcher {
 public:
  SimulatedAcceptorState(SimulatedIo& io, UniqueFd fd, SimulatedListener& listener,
                         Acceptor::Handler& handler)
      : io_(io), network_(io.network()), fd_(std::move(fd)), listener_(listener), handler_(handler) {
    listener_.watch(this);
  }
  SimulatedAcceptorState(const SimulatedAcceptorState&) = delete;
  SimulatedAcceptorState& operator=(const SimulatedAcceptorState&) = delete;
  ~SimulatedAcceptorState() { listener_.watch(nullptr); }

  const SocketAddress& address() const noexcept { return listener_.address(); }

  void abandon() {
    const SimulatedKernel at_work;
    abandoned_ = true;
    io_.schedule([self = shared_from_this()] {});
  }

 private:
  void on_change() override { poll(Nanoseconds::zero()); }

  void poll(Nanoseconds at_least) {
    if (abandoned_ || under_way_ || listener_.empty()) return;
    under_way_ = true;
    io_.schedule([self = shared_from_this()] { self->accept(); }, at_least);
  }

  void accept() {
    under_way_ = false;
    if (abandoned_) return;
    if (const int error = draw_error()) return fail(error);
    UniqueFd connection = network_.install(listener_.pop());
    network_.record(connection.get(), trace_accepted);
    io_.complete([self = shared_from_this(), accepted = std::move(connection)]() mutable {
      if (!self->abandoned_) self->handler_.on_accepted(std::move(accepted));
    });
    poll(Nanoseconds::zero());
  }

  int draw_error() {
    if (network_.open_descriptors() >= network_.faults_.descriptors_max) return EMFILE;
    if (network_.happens(network_.faults_.accept_failure, network_.counts_.accept_failures))
      return network_.random_below(2) == 0 ? EMFILE : ENFILE;
    return 0;
  }

  void fail(int error) {
    network_.record(fd_.get(), trace_accept_failed);
    io_.complete([self = shared_from_this(), error] {
      if (!self->abandoned_) self->handler_.on_accept_error(error);
    });
    poll(accept_pause);
  }

  SimulatedIo& io_;
  SimulatedNetwork& network_;
  UniqueFd fd_;
  SimulatedListener& listener_;
  Acceptor::Handler& handler_;
  bool abandoned_ = false;
  bool under_way_ = false;
};

/// The state that a connector shares with its event.
class SimulatedConnectorState final : public std::enable_shared_from_this<SimulatedConnectorState> {
 public:
  SimulatedConnectorState(SimulatedIo& io, const SocketAddress& to, Connector::Handler& handler)
      : io_(io), network_(io.network()), to_(to), handler_(handler) {}

  void schedule(Nanoseconds at_least) {
    const SimulatedKernel at_work;
    io_.schedule([self = shared_from_this()] { self->attempt(); }, at_least);
  }

  void abandon() noexcept { abandoned_ = true; }

 private:
  void attempt() {
    if (abandoned_ || network_.swallows(to_)) return;
    SimulatedListener* listener = network_.find_listener(to_);
    if (!listener || network_.happens(network_.faults_.refuse, network_.counts_.refusals)) {
      network_.record(0, trace_refused);
      return finish({}, ECONNREFUSED);
    }
    if (listener->full()) return schedule(to_.family() == AF_UNIX ? full_backlog_pause : connect_retry);
    auto [near, far] = network_.connect(to_);
    listener->push(std::move(far));
    UniqueFd connection = network_.install(std::move(near));
    network_.record(connection.get(), trace_connected);
    finish(std::move(connection), 0);
  }

  void finish(UniqueFd connection, int error) {
    io_.complete([self = shared_from_this(), connected = std::move(connection), error]() mutable {
      if (!self->abandoned_) self->handler_.on_connected(std::move(connected), error);
    });
  }

  SimulatedIo& io_;
  SimulatedNetwork& network_;
  SocketAddress to_;
  Connector::Handler& handler_;
  bool abandoned_ = false;
};

namespace {

class SimulatedAcceptor final : public Acceptor {
 public:
  SimulatedAcceptor(SimulatedIo& io, std::shared_ptr<SimulatedAcceptorState> state)
      : io_(io), state_(std::move(state)) {
    io_.object_made();
  }
  SimulatedAcceptor(const SimulatedAcceptor&) = delete;
  SimulatedAcceptor& operator=(const SimulatedAcceptor&) = delete;
  ~SimulatedAcceptor() override {
    state_->abandon();
    io_.object_gone();
  }

  SocketAddress address() const override { return state_->address(); }

 private:
  SimulatedIo& io_;
  std::shared_ptr<SimulatedAcceptorState> state_;
};

class SimulatedConnector final : public Connector {
 public:
  SimulatedConnector(SimulatedIo& io, const SocketAddress& to, Handler& handler)
      : io_(io), state_(std::make_shared<SimulatedConnectorState>(io, to, handler)) {
    io_.object_made();
    state_->schedule(Nanoseconds::zero());
  }
  SimulatedConnector(const SimulatedConnector&) = delete;
  SimulatedConnector& operator=(const SimulatedConnector&) = delete;
  ~SimulatedConnector() override {
    state_->abandon();
    io_.object_gone();
  }

 private:
  SimulatedIo& io_;
  std::shared_ptr<SimulatedConnectorState> state_;
};

}  // namespace

Result<std::unique_ptr<Acceptor>> SimulatedIo::listen(const SocketAddress& address, int backlog,
                                                      Acceptor::Handler& handler) {
  Result<UniqueFd> fd = network_.listen(address, backlog);
  if (!fd) return std::unexpected(std::move(fd).error());
  SimulatedListener& listener = network_.listener(fd->get());
  return std::make_unique<SimulatedAcceptor>(
      *this, std::make_shared<SimulatedAcceptorState>(*this, std::move(*fd), listener, handler));
}

std::unique_ptr<Connector> SimulatedIo::connect(const SocketAddress& address, Connector::Handler& handler) {
  return std::make_unique<SimulatedConnector>(*this, address, handler);
}

}  // namespace ringrpc
