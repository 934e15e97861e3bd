/// What a large message needs before its handler can have it, or before it can leave. Done away from the shard
/// (rpc/message/work_line.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ringrpc/codec.h"
#include "ringrpc/compression.h"
#include "ringrpc/status.h"

#include "rpc/message/compressed_message.h"
#include "rpc/message/message_shape.h"
#include "rpc/message/work_line.h"

namespace ringrpc {

/// How the requests of a method are parsed.
struct RequestForm {
  std::optional<detail::RequestType> type{};  ///< none where the handler takes the bytes
  const MessageShape* shape = nullptr;        ///< null where the type has no descriptor
  bool keeps_unknown_fields = false;
};

/// Decompresses a received message and parses it.
class ParseWork final : public LongWork {
 public:
  /// `encoding` is identity where the message did not come compressed. A message that would take more than
  /// `room_bytes` of memory is not parsed. `form` must outlive this.
  ParseWork(std::vector<std::uint8_t> message, Compression encoding, std::size_t max_message_bytes,
            std::size_t room_bytes, const RequestForm& form) noexcept
      : bytes_(std::move(message)),
        encoding_(encoding),
        max_message_bytes_(max_message_bytes),
        room_bytes_(room_bytes),
        form_(form) {}

  void work() override;

  // Afterwards.
  /// Why it could not be decompressed, or parsed.
  Status status;
  /// The message; null where the form has no type.
  std::unique_ptr<detail::ParsedMessage> parsed;
  /// Else its bytes.
  std::vector<std::uint8_t>& bytes() noexcept { return bytes_; }
  /// How many bytes it had once it was decompressed.
  std::size_t restored_bytes = 0;
  /// What it takes in memory, estimated.
  std::size_t memory_bytes = 0;

 private:
  void parse();

  std::vector<std::uint8_t> bytes_;
  Compression encoding_;
  std::size_t max_message_bytes_;
  std::size_t room_bytes_;
  const RequestForm& form_;
};

/// Compresses a message that is to leave.
class CompressWork final : public LongWork {
 public:
  CompressWork(std::unique_ptr<CompressedMessage> message, Compression how) noexcept
      : message_(std::move(message)), how_(how) {}

  void work() override { framed_ = message_->finish(how_); }

  /// The message with its prefix, afterwards.
  Bytes framed() const noexcept { return framed_; }

 private:
  std::unique_ptr<CompressedMessage> message_;
  Compression how_;
  Bytes framed_;
};

}  // namespace ringrpc
