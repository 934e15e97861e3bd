#include "reactor/uring/uring.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <new>
#include <sys/eventfd.h>
#include <utility>
#include <vector>

#include "reactor/posix_socket.h"
#include "reactor/uring/uring_acceptor.h"
#include "reactor/uring/uring_bell.h"
#include "reactor/uring/uring_buffers.h"
#include "reactor/uring/uring_connector.h"
#include "reactor/uring/uring_readiness.h"
#include "reactor/uring/uring_ring.h"
#include "reactor/uring/uring_stream.h"

namespace ringrpc {

namespace uring {

namespace {

class Uring final : public Io {
 public:
  Uring(std::unique_ptr<Ring> ring, std::unique_ptr<ReceiveBuffers> buffers,
        std::shared_ptr<Bell> bell) noexcept
      : buffers_(std::move(buffers)), bell_(std::move(bell)), ring_(std::move(ring)) {
    await_bell();
  }
  ~Uring() override;

  std::string_view name() const noexcept override { return "io_uring"; }
  Instant now() const noexcept override { return std::chrono::steady_clock::now(); }
  Result<std::unique_ptr<Acceptor>> listen(const SocketAddress& address, int backlog,
                                           Acceptor::Handler& handler) override {
    return accept_on(open_listener(address, backlog), handler);
  }
  Result<std::unique_ptr<Acceptor>> listen(UniqueFd socket, Acceptor::Handler& handler) override {
    return accept_on(take_listener(std::move(socket)), handler);
  }
  std::unique_ptr<Connector> connect(const SocketAddress& address, Connector::Handler& handler) override;
  std::unique_ptr<Readiness> await_readiness(int descriptor, short events,
                                             Readiness::Handler& handler) override;
  SocketAddress peer(const UniqueFd& connection) const override { return peer_address(connection.get()); }
  std::unique_ptr<ByteStream> adopt(UniqueFd connection) override;
  bool wait(Instant until) override;
  bool dispatch(Instant until) override { return ring_->dispatch(until); }
  IoCounters counters() const noexcept override {
    return {.ring_overflows = ring_->overflows(),
            .receive_buffers_used = ring_->buffers_used(),
            .receive_buffer_shortages = buffers_->shortages()};
  }
  void wake() noexcept override;

 private:
  Result<std::unique_ptr<Acceptor>> accept_on(Result<ListeningSocket> socket, Acceptor::Handler& handler);
  void send_wake(Uring& sleeper);
  void await_bell();
  void on_bell(int result, unsigned flags);
  void on_cancelled(int, unsigned) {}
  void settle();

  /// Makes a handle of `state`. The state becomes a resident last, because only its handle can end it.
  template <class Handle, class State>
  std::unique_ptr<Handle> keep(std::unique_ptr<State> state) {
    auto handle = std::make_unique<Handle>(*state);
    residents_.push_back(*state.release());
    return handle;
  }

  Residents residents_;
  std::unique_ptr<ReceiveBuffers> buffers_;
  std::shared_ptr<Bell> bell_;
  std::vector<std::shared_ptr<Bell>> rung_bells_;  ///< of other rings; held for messages that fail
  std::atomic<bool> reachable_{false};             ///< true if it takes messages from other rings
  std::uint64_t rings_of_bell_ = 0;
  bool bell_awaited_ = false;
  bool closing_ = false;
  OperationOf<Uring, &Uring::on_bell> rung_{*this};
  OperationOf<Uring, &Uring::on_cancelled> cancelled_{*this};
  std::unique_ptr<Ring> ring_;
};

/// The ring that this thread uses.
constinit thread_local Uring* own = nullptr;

Uring::~Uring() {
  if (own == this) own = nullptr;
  if (ring_->enabled_here()) settle();
  ring_.reset();
  // Only residents that the kernel did not release in time, or never saw, are left. With the ring closed,
  // they are ours again.
  while (Resident* resident = residents_.pop_front()) delete resident;
}

/// Waits until the kernel has released all memory, which takes a turn or two after the cancellation.
void Uring::settle() {
  closing_ = true;
  ring_->submit(cancelled_,
                [](io_uring_sqe& entry) { io_uring_prep_cancel64(&entry, 0, IORING_ASYNC_CANCEL_ANY); });
  const Instant limit = after(now(), std::chrono::seconds(1));
  while ((bell_awaited_ || !residents_.empty()) && now() < limit) {
    ring_->wait(limit);
    ring_->dispatch(never);
  }
}

Result<std::unique_ptr<Acceptor>> Uring::accept_on(Result<ListeningSocket> socket,
                                                   Acceptor::Handler& handler) {
  if (!socket) return std::unexpected(std::move(socket).error());
  auto state = std::make_unique<AcceptorState>(*ring_, *std::move(socket), handler);
  AcceptorState& acceptor = *state;
  auto handle = keep<UringAcceptor>(std::move(state));
  acceptor.arm();
  return handle;
}

std::unique_ptr<Connector> Uring::connect(const SocketAddress& address, Connector::Handler& handler) {
  auto state = std::make_unique<ConnectorState>(*ring_, handler);
  ConnectorState& connector = *state;
  auto handle = keep<UringConnector>(std::move(state));
  connector.start(address);
  return handle;
}

std::unique_ptr<Readiness> Uring::await_readiness(int descriptor, short events, Readiness::Handler& handler) {
  auto state = std::make_unique<ReadinessState>(*ring_, handler);
  ReadinessState& readiness = *state;
  auto handle = keep<UringReadiness>(std::move(state));
  readiness.start(descriptor, events);
  return handle;
}

std::unique_ptr<ByteStream> Uring::adopt(UniqueFd connection) {
  return keep<Stream>(std::make_unique<StreamState>(*ring_, *buffers_, std::move(connection)));
}

void Uring::await_bell() {
  bell_awaited_ = true;
  ring_->submit(rung_, [&](io_uring_sqe& entry) {
    io_uring_prep_read(&entry, bell_->event(), &rings_of_bell_, sizeof rings_of_bell_, 0);
  });
}

void Uring::on_bell(int, unsigned) {
  bell_awaited_ = false;
  if (!closing_) await_bell();
}

bool Uring::wait(Instant until) {
  if (own != this) {
    ring_->enable();
    own = this;
    reachable_.store(true, std::memory_order_release);
  }
  return ring_->wait(until);
}

void Uring::wake() noexcept {
  if (own && own != this && reachable_.load(std::memory_order_acquire)) {
    try {
      own->send_wake(*this);
    } catch (const std::bad_alloc&) {
      bell_->ring();
    }
  } else {
    bell_->ring();
  }
}

/// Submits at once: the sleeper's ring certainly exists now, and this ring's next submission may be late.
void Uring::send_wake(Uring& sleeper) {
  if (std::ranges::find(rung_bells_, sleeper.bell_) == rung_bells_.end())
    rung_bells_.push_back(sleeper.bell_);
  ring_->submit(*sleeper.bell_, [&](io_uring_sqe& entry) {
    io_uring_prep_msg_ring(&entry, sleeper.ring_->native().ring_fd, 0, 0, 0);
    entry.flags |= IOSQE_CQE_SKIP_SUCCESS;
  });
  io_uring_submit(&ring_->native());
}

}  // namespace

}  // namespace uring

Result<std::unique_ptr<Io>> make_uring(const UringOptions& options) {
  Result<std::unique_ptr<uring::Ring>> ring = uring::Ring::create(options);
  if (!ring) return std::unexpected(std::move(ring).error());
  Result<std::unique_ptr<uring::ReceiveBuffers>> buffers = uring::ReceiveBuffers::create(**ring, options);
  if (!buffers) return std::unexpected(std::move(buffers).error());
  UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  if (!event) return std::unexpected(from_errno("io_uring: eventfd", errno));
  return std::make_unique<uring::Uring>(*std::move(ring), *std::move(buffers),
                                        std::make_shared<uring::Bell>(std::move(event)));
}

}  // namespace ringrpc
