#include "rpc/client/replay_buffer.h"

#include <algorithm>
#include <utility>

#include "rpc/message/compressed_message.h"

namespace ringrpc {
namespace {

/// In the place of a prefix's flag, until the compression is settled: the message is sent as it is.
constexpr std::uint8_t never_compressed = 1;

/// Calls `visit(message)` with each message, prefix and all.
template <class Visit>
void for_each_message(std::span<std::uint8_t> messages, Visit visit) {
  while (!messages.empty()) {
    std::size_t message_bytes = 0;
    for (std::size_t at = 1; at < MessageBuffer::prefix_bytes; ++at)
      message_bytes = message_bytes << 8 | messages[at];
    visit(messages.first(MessageBuffer::prefix_bytes + message_bytes));
    messages = messages.subspan(MessageBuffer::prefix_bytes + message_bytes);
  }
}

}  // namespace

std::span<std::uint8_t> ReplayBuffer::add_message(std::size_t message_bytes, bool may_compress) {
  assert(kept());
  const std::size_t framed_bytes = MessageBuffer::prefix_bytes + message_bytes;
  bytes_.resize(bytes_.size() + framed_bytes);
  last_message_bytes_ = framed_bytes;
  ++message_count_;
  const std::span<std::uint8_t> room = std::span(bytes_).last(framed_bytes);
  MessageBuffer::write_prefix(room.data(), message_bytes);
  if (!may_compress) room.front() = never_compressed;
  return room.subspan(MessageBuffer::prefix_bytes);
}

std::vector<Bytes> ReplayBuffer::messages() {
  std::vector<Bytes> messages;
  for_each_message(bytes_,
                   [&](Bytes message) { messages.push_back(message.subspan(MessageBuffer::prefix_bytes)); });
  return messages;
}

void ReplayBuffer::settle_compression(Compression compression) {
  if (compression != Compression::identity) return compress_all(compression);
  for_each_message(bytes_, [](std::span<std::uint8_t> message) { message.front() = 0; });
}

void ReplayBuffer::compress_all(Compression compression) {
  decltype(bytes_) settled;
  for_each_message(bytes_, [&](std::span<std::uint8_t> message) {
    if (std::exchange(message.front(), std::uint8_t{0}) == never_compressed) {
      settled.insert(settled.end(), message.begin(), message.end());
      return;
    }
    const std::span<std::uint8_t> payload = message.subspan(MessageBuffer::prefix_bytes);
    CompressedMessage compressed(payload.size());
    std::ranges::copy(payload, compressed.room().begin());
    const Bytes framed = compressed.finish(compression);
    settled.insert(settled.end(), framed.begin(), framed.end());
  });
  bytes_ = std::move(settled);
}

bool ReplayBuffer::replay(Refused refused) noexcept {
  if (!kept()) return false;
  if (refused == Refused::before_it_left) return true;
  return std::exchange(state_, State::replayed) == State::fresh;
}

}  // namespace ringrpc
