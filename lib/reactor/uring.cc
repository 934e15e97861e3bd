#include "reactor/uring.h"

#include <cerrno>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "reactor/posix_socket.h"
#include "reactor/uring_acceptor.h"
#include "reactor/uring_buffers.h"
#include "reactor/uring_connector.h"
#include "reactor/uring_ring.h"
#include "reactor/uring_stream.h"

namespace ringrpc {

namespace uring {

namespace {

class Uring final : public Io {
 public:
  Uring(std::unique_ptr<Ring> ring, std::unique_ptr<ReceiveBuffers> buffers, UniqueFd bell) noexcept
      : buffers_(std::move(buffers)), bell_(std::move(bell)), ring_(std::move(ring)) {
    await_bell();
  }
  ~Uring() override;

  std::string_view name() const noexcept override { return "io_uring"; }
  Instant now() const noexcept override { return std::chrono::steady_clock::now(); }
  Result<std::unique_ptr<Acceptor>> listen(const SocketAddress& address, int backlog,
                                           Acceptor::Handler& handler) override;
  std::unique_ptr<Connector> connect(const SocketAddress& address, Connector::Handler& handler) override;
  std::unique_ptr<ByteStream> adopt(UniqueFd connection) override;
  void wait(Instant until) override { ring_->wait(until); }
  void dispatch() override { ring_->dispatch(); }
  void wake() noexcept override;

 private:
  void await_bell();
  void on_bell(int result, unsigned flags);
  void on_cancelled(int, unsigned) {}
  void settle();

  template <class State>
  State& keep(std::unique_ptr<State> state) {
    residents_.push_back(*state);
    return *state.release();
  }

  Residents residents_;
  std::unique_ptr<ReceiveBuffers> buffers_;
  UniqueFd bell_;
  std::uint64_t rings_of_bell_ = 0;
  bool bell_awaited_ = false;
  bool closing_ = false;
  OperationOf<Uring, &Uring::on_bell> rung_{*this};
  OperationOf<Uring, &Uring::on_cancelled> cancelled_{*this};
  std::unique_ptr<Ring> ring_;
};

Uring::~Uring() {
  if (ring_->enabled_here()) settle();
  ring_.reset();
  // Only what the kernel did not let go of in time, or never saw, is left; with the ring closed it is ours
  // again.
  while (Resident* resident = residents_.pop_front()) delete resident;
}

/// Waits until the kernel has let go of all memory; it does so within a turn or two of being asked to cancel.
void Uring::settle() {
  closing_ = true;
  ring_->submit(cancelled_,
                [](io_uring_sqe& entry) { io_uring_prep_cancel64(&entry, 0, IORING_ASYNC_CANCEL_ANY); });
  const Instant limit = after(now(), std::chrono::seconds(1));
  while ((bell_awaited_ || !residents_.empty()) && now() < limit) {
    wait(limit);
    dispatch();
  }
}

Result<std::unique_ptr<Acceptor>> Uring::listen(const SocketAddress& address, int backlog,
                                                Acceptor::Handler& handler) {
  Result<ListeningSocket> socket = open_listener(address, backlog);
  if (!socket) return std::unexpected(std::move(socket).error());
  AcceptorState& state = keep(std::make_unique<AcceptorState>(*ring_, *std::move(socket), handler));
  state.arm();
  return std::make_unique<UringAcceptor>(state);
}

std::unique_ptr<Connector> Uring::connect(const SocketAddress& address, Connector::Handler& handler) {
  ConnectorState& state = keep(std::make_unique<ConnectorState>(*ring_, handler));
  state.start(address);
  return std::make_unique<UringConnector>(state);
}

std::unique_ptr<ByteStream> Uring::adopt(UniqueFd connection) {
  return std::make_unique<Stream>(
      keep(std::make_unique<StreamState>(*ring_, *buffers_, std::move(connection))));
}

void Uring::await_bell() {
  bell_awaited_ = true;
  ring_->submit(rung_, [&](io_uring_sqe& entry) {
    io_uring_prep_read(&entry, bell_.get(), &rings_of_bell_, sizeof rings_of_bell_, 0);
  });
}

void Uring::on_bell(int, unsigned) {
  bell_awaited_ = false;
  if (!closing_) await_bell();
}

void Uring::wake() noexcept {
  const std::uint64_t one = 1;
  // It fails only when the count is at its limit, and then the bell is ringing.
  [[maybe_unused]] const ssize_t written = ::write(bell_.get(), &one, sizeof one);
}

}  // namespace

}  // namespace uring

Result<std::unique_ptr<Io>> make_uring(const UringOptions& options) {
  Result<std::unique_ptr<uring::Ring>> ring = uring::Ring::create(options);
  if (!ring) return std::unexpected(std::move(ring).error());
  Result<std::unique_ptr<uring::ReceiveBuffers>> buffers = uring::ReceiveBuffers::create(**ring, options);
  if (!buffers) return std::unexpected(std::move(buffers).error());
  UniqueFd bell(::eventfd(0, EFD_CLOEXEC));
  if (!bell) return std::unexpected(from_errno("io_uring: eventfd", errno));
  return std::make_unique<uring::Uring>(*std::move(ring), *std::move(buffers), std::move(bell));
}

}  // namespace ringrpc
