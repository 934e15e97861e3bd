#include "testing/simulated_socket.h"

#include <cassert>
#include <cerrno>

namespace ringrpc {

SimulatedSocket::Pair SimulatedSocket::make_pair(std::size_t capacity_bytes) {
  auto near = std::make_unique<SimulatedSocket>(capacity_bytes);
  auto far = std::make_unique<SimulatedSocket>(capacity_bytes);
  near->peer_ = far.get();
  far->peer_ = near.get();
  return {std::move(near), std::move(far)};
}

SimulatedSocket::~SimulatedSocket() {
  watch(nullptr);
  if (!peer_) return;
  if (resets_ || !received_.empty()) {
    reset();
    return;
  }
  SimulatedSocket& peer = *std::exchange(peer_, nullptr);
  peer.peer_ = nullptr;
  peer.ended_ = true;
  peer.changed();
}

std::string SimulatedSocket::read(std::size_t bytes) {
  assert(bytes <= received_.size());
  std::string taken = received_.substr(0, bytes);
  received_.erase(0, bytes);
  if (received_.empty()) packets_ = 0;
  if (peer_) peer_->changed();
  return taken;
}

int SimulatedSocket::write_error() const noexcept {
  if (error_ != 0) return error_;
  return peer_ ? 0 : EPIPE;
}

void SimulatedSocket::write(Bytes bytes) {
  assert(bytes.size() <= writable_bytes());
  assert(!peer_->ended_);
  peer_->received_.append(as_text(bytes));
  ++peer_->packets_;
  peer_->changed();
}

void SimulatedSocket::end_writing() {
  if (!peer_) return;
  peer_->ended_ = true;
  peer_->changed();
}

void SimulatedSocket::reset() {
  SimulatedSocket* peer = std::exchange(peer_, nullptr);
  if (!peer) return;
  peer->peer_ = nullptr;
  break_off();
  peer->break_off();
}

void SimulatedSocket::break_off() {
  received_.clear();
  error_ = ECONNRESET;
  changed();
}

SimulatedListener::~SimulatedListener() {
  watch(nullptr);
  for (const auto& connection : waiting_) connection->reset();
}

void SimulatedListener::push(std::unique_ptr<SimulatedSocket> connection) {
  waiting_.push_back(std::move(connection));
  changed();
}

std::unique_ptr<SimulatedSocket> SimulatedListener::pop() {
  auto connection = std::move(waiting_.front());
  waiting_.pop_front();
  return connection;
}

}  // namespace ringrpc
