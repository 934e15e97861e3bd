#include "reactor/epoll/epoll.h"

#include <cerrno>
#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "reactor/epoll/epoll_acceptor.h"
#include "reactor/epoll/epoll_connector.h"
#include "reactor/epoll/epoll_poller.h"
#include "reactor/epoll/epoll_readiness.h"
#include "reactor/epoll/epoll_stream.h"
#include "reactor/posix_socket.h"

namespace ringrpc {

namespace epoll {

namespace {

/// Wakes a sleeping poller from another thread.
class Bell final : public Watcher {
 public:
  Bell() noexcept : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  int event() const noexcept { return event_.get(); }

  /// From any thread.
  void ring() noexcept {
    const std::uint64_t one = 1;
    // It fails only if the count is at its limit, and then the poller is being woken anyway.
    [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
  }

 private:
  void on_events(std::uint32_t) override {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(event_.get(), &count, sizeof count);
  }

  UniqueFd event_;
};

class Epoll final : public Io {
 public:
  explicit Epoll(const EpollOptions& options) : buffer_(options.receive_buffer_bytes) {}

  Status set_up();

  std::string_view name() const noexcept override { return "epoll"; }
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
                                             Readiness::Handler& handler) override {
    return std::make_unique<EpollReadiness>(poller_, descriptor, events, handler);
  }
  SocketAddress peer(const UniqueFd& connection) const override { return peer_address(connection.get()); }
  std::unique_ptr<ByteStream> adopt(UniqueFd connection) override {
    return std::make_unique<Stream>(poller_, buffer_, std::move(connection));
  }
  bool wait(Instant until) override { return poller_.wait(until); }
  bool dispatch(Instant until) override { return poller_.dispatch(until); }
  void wake() noexcept override { bell_.ring(); }

 private:
  Result<std::unique_ptr<Acceptor>> accept_on(Result<ListeningSocket> socket, Acceptor::Handler& handler);

  Poller poller_;
  Bell bell_;
  std::vector<std::uint8_t> buffer_;
};

Status Epoll::set_up() {
  const auto refused = [](const char* call, int error) { return from_errno(call, error); };
  if (!poller_.created()) return refused("epoll_create1", errno);
  if (bell_.event() < 0) return refused("eventfd", errno);
  const int error = poller_.watch(bell_.event(), EPOLLIN, bell_);
  return error == 0 ? Status() : refused("epoll_ctl", error);
}

Result<std::unique_ptr<Acceptor>> Epoll::accept_on(Result<ListeningSocket> socket,
                                                   Acceptor::Handler& handler) {
  if (!socket) return std::unexpected(std::move(socket).error());
  auto acceptor = std::make_unique<EpollAcceptor>(poller_, *std::move(socket), handler);
  if (const int error = acceptor->start(); error != 0) return std::unexpected(from_errno("epoll_ctl", error));
  return acceptor;
}

std::unique_ptr<Connector> Epoll::connect(const SocketAddress& address, Connector::Handler& handler) {
  auto connector = std::make_unique<EpollConnector>(poller_, handler);
  connector->start(address);
  return connector;
}

}  // namespace

}  // namespace epoll

Result<std::unique_ptr<Io>> make_epoll(const EpollOptions& options) {
  auto io = std::make_unique<epoll::Epoll>(options);
  if (Status status = io->set_up(); !status.ok()) return std::unexpected(std::move(status));
  return io;
}

}  // namespace ringrpc
