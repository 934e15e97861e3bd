/// The host's side of a Firecracker machine's vsock, made after its documents: a unix socket on which clients
/// request a port of the guest. The guest is a listener on another unix socket.
///
///   FakeFirecracker machine({.socket = "/tmp/vm.sock", .port = 52, .guest = "/tmp/guest.sock"});
///
/// It runs on threads of its own, with blocking calls, and shares nothing with what it tests.
/// (https://github.com/firecracker-microvm/firecracker/blob/main/docs/vsock.md)
#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace ringrpc::test {

/// The form in which bytes reach the client.
enum class Delivery : std::uint8_t {
  glued,         ///< the response together with the guest's first bytes
  byte_by_byte,  ///< each byte in a write of its own, including the response
};

class FakeFirecracker {
 public:
  struct Machine {
    std::string socket;  ///< uds_path
    std::uint32_t port;  ///< where the guest listens
    std::string guest;   ///< the unix socket that the guest listens on
    Delivery delivery = Delivery::glued;
  };

  explicit FakeFirecracker(Machine machine);
  FakeFirecracker(const FakeFirecracker&) = delete;
  FakeFirecracker& operator=(const FakeFirecracker&) = delete;
  /// Ends every connection.
  ~FakeFirecracker();

 private:
  void accept();
  void serve(UniqueFd client) const;
  UniqueFd reach_guest(int client) const;
  void answer(int client, int guest) const;
  void write_all(int fd, std::string_view bytes) const;
  bool pass(int from, int to) const;

  Machine machine_;
  UniqueFd listener_;
  UniqueFd stop_;  ///< readable once all threads must end
  std::vector<std::jthread> connections_;
  std::jthread acceptor_;
};

}  // namespace ringrpc::test
