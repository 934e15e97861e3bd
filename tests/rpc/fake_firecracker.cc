#include "rpc/fake_firecracker.h"

#include <array>
#include <charconv>
#include <doctest/doctest.h>
#include <poll.h>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <utility>

#include "reactor/io_fixture.h"

namespace ringrpc::test {
namespace {

constexpr std::string_view connect_request = "CONNECT ";

UniqueFd unix_socket() { return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

const sockaddr* plain(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr*>(&address.storage);
}

}  // namespace

FakeFirecracker::FakeFirecracker(Machine machine)
    : machine_(std::move(machine)), listener_(unix_socket()), stop_(::eventfd(0, EFD_CLOEXEC)) {
  const SocketAddress address = unix_path(machine_.socket);
  REQUIRE(::bind(listener_.get(), plain(address), address.length) == 0);
  REQUIRE(::listen(listener_.get(), 16) == 0);
  acceptor_ = std::jthread([this] { accept(); });
}

FakeFirecracker::~FakeFirecracker() {
  const std::uint64_t one = 1;
  CHECK(::write(stop_.get(), &one, sizeof one) == sizeof one);
  acceptor_.join();
  connections_.clear();
}

void FakeFirecracker::accept() {
  for (;;) {
    std::array<pollfd, 2> wait{{{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    ::poll(wait.data(), wait.size(), -1);
    if (wait[1].revents != 0) return;
    UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    connections_.emplace_back([this, owned = std::move(client)]() mutable { serve(std::move(owned)); });
  }
}

/// A refused client is only closed.
void FakeFirecracker::serve(UniqueFd client) const {
  const UniqueFd guest = reach_guest(client.get());
  if (!guest) return;
  answer(client.get(), guest.get());
  bool up = true;
  bool down = true;
  while (up || down) {
    std::array<pollfd, 3> wait{{{up ? client.get() : -1, POLLIN, 0},
                                {down ? guest.get() : -1, POLLIN, 0},
                                {stop_.get(), POLLIN, 0}}};
    ::poll(wait.data(), wait.size(), -1);
    if (wait[2].revents != 0) return;
    if (wait[0].revents != 0) up = pass(client.get(), guest.get());
    if (wait[1].revents != 0) down = pass(guest.get(), client.get());
  }
}

/// Firecracker accepts the request only in one piece.
UniqueFd FakeFirecracker::reach_guest(int client) const {
  std::array<char, 64> buffer{};
  const ssize_t got = ::read(client, buffer.data(), buffer.size());
  const std::string_view line(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  if (!line.starts_with(connect_request) || !line.ends_with('\n')) return {};
  std::uint32_t port = 0;
  const auto [end, error] =
      std::from_chars(line.data() + connect_request.size(), line.data() + line.size(), port);
  if (error != std::errc() || *end != '\n' || port != machine_.port) return {};
  UniqueFd guest = unix_socket();
  const SocketAddress address = unix_path(machine_.guest);
  return ::connect(guest.get(), plain(address), address.length) == 0 ? std::move(guest) : UniqueFd();
}

void FakeFirecracker::answer(int client, int guest) const {
  std::string first = "OK 1073741824\n";
  if (machine_.delivery == Delivery::glued) {
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(guest, buffer.data(), buffer.size());
    if (got > 0) first.append(buffer.data(), static_cast<std::size_t>(got));
  }
  write_all(client, first);
}

void FakeFirecracker::write_all(int fd, std::string_view bytes) const {
  const std::size_t most = machine_.delivery == Delivery::byte_by_byte ? 1 : bytes.size();
  while (!bytes.empty()) {
    const ssize_t written = ::send(fd, bytes.data(), std::min(most, bytes.size()), MSG_NOSIGNAL);
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Passes waiting bytes from `from` to `to`. False after the end, which it passes on too.
bool FakeFirecracker::pass(int from, int to) const {
  std::array<char, 16 * 1024> buffer{};
  const ssize_t got = ::read(from, buffer.data(), buffer.size());
  if (got > 0) {
    write_all(to, {buffer.data(), static_cast<std::size_t>(got)});
    return true;
  }
  ::shutdown(to, SHUT_WR);
  return false;
}

}  // namespace ringrpc::test
