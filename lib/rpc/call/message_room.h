/// A message that is written directly into its stream's queue, prefix first, in as many pieces as the session
/// gives room for.
///
///   std::span<std::uint8_t> room = message.begin(session, stream, bytes);   // for the first bytes
///   room = message.more(session, stream);                                   // when that is full
///   message.commit(session, stream);                                        // when all bytes are written
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <utility>

#include "http2/session.h"
#include "rpc/message/message_buffer.h"

namespace ringrpc {

class MessageRoom {
 public:
  std::span<std::uint8_t> begin(http2::Session& session, http2::Stream& stream, std::size_t message_bytes) {
    rest_bytes_ = MessageBuffer::prefix_bytes + message_bytes;
    const std::span<std::uint8_t> room = take(session, stream);
    MessageBuffer::write_prefix(room.data(), message_bytes);
    return room.subspan(MessageBuffer::prefix_bytes);
  }

  /// Null when out of memory. The stream has been reset then, because nothing may follow a partial message.
  std::span<std::uint8_t> more(http2::Session& session, http2::Stream& stream) {
    session.commit_data(stream, room_bytes_);
    rest_bytes_ -= room_bytes_;
    try {
      return take(session, stream);
    } catch (const std::bad_alloc&) {
      session.reset(stream, http2::ErrorCode::enhance_your_calm);
      return {};
    }
  }

  void commit(http2::Session& session, http2::Stream& stream) {
    session.commit_data(stream, std::exchange(rest_bytes_, 0));
  }

 private:
  std::span<std::uint8_t> take(http2::Session& session, http2::Stream& stream) {
    const std::span<std::uint8_t> room = session.reserve_data(stream, rest_bytes_);
    room_bytes_ = room.size();
    return room;
  }

  std::size_t rest_bytes_ = 0;  // bytes of the message, including the prefix, that are not queued
  std::size_t room_bytes_ = 0;  // how many of those have been given room
};

}  // namespace ringrpc
