/// Messages in both directions, without framing.
#pragma once

#include <cstdint>

namespace ringrpc::grpcbench {

struct Traffic {
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t messages_sent = 0;
  std::uint64_t messages_received = 0;

  Traffic& operator+=(const Traffic& other) noexcept {
    bytes_sent += other.bytes_sent;
    bytes_received += other.bytes_received;
    messages_sent += other.messages_sent;
    messages_received += other.messages_received;
    return *this;
  }
};

}  // namespace ringrpc::grpcbench
