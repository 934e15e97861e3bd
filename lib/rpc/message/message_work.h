/// The work on a large message before its handler gets it, or before it leaves. It is done off the shard
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

/// The type and shape by which the requests of a method are parsed.
struct RequestForm {
  std::optional<RequestType> type{};    ///< none if the handler takes the bytes
  const MessageShape* shape = nullptr;  ///< null if the type has no descriptor
  bool keeps_unknown_fields = false;
};

/// Decompresses a received message and parses it.
class ParseWork final : public LongWork {
 public:
  /// `encoding` is identity if the message did not come compressed. A message that would take more than
  /// `room_bytes` of memory is not parsed. `form` must outlive this object.
  ParseWork(std::vector<std::uint8_t> message, Compression encoding, std::size_t max_message_bytes,
            std::size_t room_bytes, const RequestForm& form) noexcept
      : bytes_(std::move(message)),
        encoding_(encoding),
        max_message_bytes_(max_message_bytes),
        room_bytes_(room_bytes),
        form_(form) {}

  void work() override;

  // The results.
  /// The error of decompressing or parsing; OK if there was none.
  Status status;
  /// The message; null if the form has no type.
  std::unique_ptr<ParsedMessage> parsed;
  /// The bytes, if the form has no type.
  std::vector<std::uint8_t>& bytes() noexcept { return bytes_; }
  /// The size of the decompressed message.
  std::size_t restored_bytes = 0;
  /// An estimate of the memory that the message takes.
  std::size_t memory_bytes = 0;

 private:
  void parse();

  std::vector<std::uint8_t> bytes_;
  Compression encoding_;
  std::size_t max_message_bytes_;
  std::size_t room_bytes_;
  const RequestForm& form_;
};

/// Compresses an outgoing message.
class CompressWork final : public LongWork {
 public:
  CompressWork(std::unique_ptr<CompressedMessage> message, Compression how) noexcept
      : message_(std::move(message)), how_(how) {}

  void work() override { framed_ = message_->finish(how_); }

  /// The result: the message with its prefix.
  Bytes framed() const noexcept { return framed_; }

 private:
  std::unique_ptr<CompressedMessage> message_;
  Compression how_;
  Bytes framed_;
};

}  // namespace ringrpc
