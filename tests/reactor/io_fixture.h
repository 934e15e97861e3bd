/// The fixture of the backend tests: a shard that is turned by hand, addresses, and handlers that record.
#pragma once

#include <cstring>
#include <doctest/doctest.h>
#include <filesystem>
#include <functional>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "reactor/kernel_io.h"
#include "reactor/posix_socket.h"
#include "reactor/shard.h"

namespace ringrpc::test {

/// Turns the shard until `done`. False after a time in which it should have happened.
template <class Done>
bool turn_until(Shard& shard, Done done) {
  const Instant limit = after(std::chrono::steady_clock::now(), std::chrono::minutes(5));
  while (!done()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    shard.turn(true, after(std::chrono::steady_clock::now(), std::chrono::milliseconds(50)));
  }
  return true;
}

/// Enough turns for everything in flight to arrive.
inline void settle(Shard& shard) {
  for (int i = 0; i < 20; ++i)
    shard.turn(true, after(std::chrono::steady_clock::now(), std::chrono::milliseconds(1)));
}

inline SocketAddress loopback(std::uint16_t port = 0) {
  SocketAddress address;
  auto* in = reinterpret_cast<sockaddr_in*>(&address.storage);
  in->sin_family = AF_INET;
  in->sin_port = htons(port);
  in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.length = sizeof *in;
  return address;
}

inline SocketAddress unix_path(const std::string& path) {
  SocketAddress address;
  auto* local = reinterpret_cast<sockaddr_un*>(&address.storage);
  local->sun_family = AF_UNIX;
  std::memcpy(local->sun_path, path.c_str(), path.size() + 1);
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

/// A directory that is removed with everything in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "ringrpc-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  std::string file(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline std::pair<UniqueFd, UniqueFd> socket_pair() {
  int fds[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

inline std::string pattern(std::size_t bytes) {
  std::string made(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) made[i] = static_cast<char>(i * 7 + i / 251);
  return made;
}

inline Chain chain_of(Shard& shard, std::string_view text) {
  Chain chain(shard.slabs());
  chain.append(as_bytes(text));
  return chain;
}

/// One end of a connection: records its events and runs the test's hooks.
struct End final : ByteStream::Handler {
  explicit End(std::unique_ptr<ByteStream> connection) : stream(std::move(connection)) {
    stream->start(*this);
  }

  void on_received(Bytes bytes) override {
    received.append(as_text(bytes));
    ++deliveries;
    if (when_received) when_received();
  }
  void on_receive_end(int error) override {
    CHECK(!receive_end);
    receive_end = error;
    if (when_received) when_received();
  }
  void on_sent(int error) override {
    sent.push_back(error);
    if (when_sent) when_sent();
  }

  std::unique_ptr<ByteStream> stream;
  std::string received;
  std::size_t deliveries = 0;
  std::optional<int> receive_end;
  std::vector<int> sent;
  std::function<void()> when_received;
  std::function<void()> when_sent;
};

struct Accepted final : Acceptor::Handler {
  void on_accepted(UniqueFd connection) override { connections.push_back(std::move(connection)); }
  void on_accept_error(int error) override { errors.push_back(error); }

  std::vector<UniqueFd> connections;
  std::vector<int> errors;
};

struct Connected final : Connector::Handler {
  void on_connected(UniqueFd made, int error) override {
    CHECK(!outcome);
    connection = std::move(made);
    outcome = error;
  }

  UniqueFd connection;
  std::optional<int> outcome;
};

/// A shard with two connected streams on it.
struct Pair {
  explicit Pair(const UringOptions& options = {}) : shard(0, kernel_io(options)) {
    auto [left_fd, right_fd] = socket_pair();
    left.emplace(shard.io().adopt(std::move(left_fd)));
    right.emplace(shard.io().adopt(std::move(right_fd)));
  }

  Shard shard;
  std::optional<End> left;
  std::optional<End> right;
};

}  // namespace ringrpc::test
