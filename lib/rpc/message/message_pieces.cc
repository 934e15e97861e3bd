/// Parses and serializes large messages in pieces.
#include <cstring>
#include <limits>

#include "ringrpc/codec.h"
#include "ringrpc/stream.h"

#include "rpc/message/pieces_stream.h"

namespace ringrpc::detail {

bool parse_in_pieces(google::protobuf::MessageLite& message, Pieces pieces) {
  const std::size_t bytes = total_bytes(pieces);
  if (bytes > std::numeric_limits<int>::max()) return false;
  PiecesStream from(pieces);
  // Bounded, because otherwise a field's length would get memory before its bytes came.
  return message.ParsePartialFromBoundedZeroCopyStream(&from, static_cast<int>(bytes)) &&
         message.IsInitialized();
}

void copy_in_pieces(Bytes bytes, google::protobuf::io::ZeroCopyOutputStream& to) {
  void* room = nullptr;
  int size = 0;
  while (!bytes.empty() && to.Next(&room, &size)) {
    std::memcpy(room, bytes.data(), static_cast<std::size_t>(size));
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
}

bool RoomStream::Next(void** data, int* size) {
  if (given_bytes_ == bytes_) return false;
  if (given_bytes_ > 0) room_ = stream_.reserve_more();
  if (room_.empty()) return false;  // the call has ended
  *data = room_.data();
  *size = static_cast<int>(room_.size());
  given_bytes_ += room_.size();
  return true;
}

}  // namespace ringrpc::detail
