/// Cuts received body bytes into length-prefixed messages (PROTOCOL-HTTP2.md, "Length-Prefixed-Message").
///
///   buffer.set_encoding(Compression::gzip);   // the value of `grpc-encoding`
///   buffer.add(bytes);
///   while (buffer.ready())
///     if (std::optional<Pieces> message = buffer.take()) use(*message);
///   buffer.keep();            // before the memory of the last `add` becomes invalid
///
/// Bytes are borrowed at first: a message that arrives whole is parsed where it was received. `keep` copies
/// only what is still needed: a few KiB into one piece, more into slabs. No room is allocated for a message
/// before its bytes arrive, so a length alone costs nothing. A compressed message stays compressed until it
/// is taken or decompressed ahead of that.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ringrpc/bytes.h"
#include "ringrpc/compression.h"
#include "ringrpc/status.h"

#include "base/slab.h"

namespace ringrpc {

class MessageBuffer {
 public:
  static constexpr std::size_t prefix_bytes = 5;
  static constexpr std::size_t length_max = 0xffff'ffff;  ///< the largest length in a prefix

  /// `max_message_bytes` limits the length in a prefix, and the size of a decompressed message.
  MessageBuffer(SlabPool& slabs, std::size_t max_message_bytes) noexcept
      : max_message_bytes_(max_message_bytes), large_(slabs) {}

  std::size_t max_message_bytes() const noexcept { return max_message_bytes_; }

  /// Sets the encoding of messages with the compressed flag. `identity`, the default, allows no such
  /// messages.
  void set_encoding(Compression encoding) noexcept { encoding_ = encoding; }

  /// Appends bytes, borrowed until `keep`. RESOURCE_EXHAUSTED if the next message is longer than allowed.
  /// INTERNAL if its flags are invalid or it is compressed without an agreed encoding.
  Status add(Bytes bytes);

  /// True if a complete message waits that has no fault.
  bool ready() const noexcept {
    return available() >= prefix_bytes && available() - prefix_bytes >= next_bytes_ && fault_.ok();
  }

  // Of the message that waits, if `ready`: its size as it arrived, its compression, and its bytes as they
  // arrived. The bytes are valid until the next call of a method that is not const.
  std::size_t next_bytes() const noexcept { return next_bytes_; }
  /// True if it is in one piece and not compressed.
  bool next_plain() const noexcept { return at_ && at_[0] == 0; }
  Compression next_compression() const { return next_compressed() ? encoding_ : Compression::identity; }
  std::vector<Bytes> next_pieces() const;

  /// Decompresses the waiting message ahead of `take`. Returns false and changes nothing if that makes more
  /// than `bytes_max`. Returns true for a faulty message; `take` then reports the fault.
  bool restore_next(std::size_t bytes_max);
  /// Takes the waiting message, decompressed elsewhere. `take` will return it.
  void put_restored(std::vector<std::uint8_t> restored) noexcept;
  /// Drops the waiting message, which was used elsewhere. Then checks the one after it as `add` does.
  void skip();
  /// The waiting message, once `restore_next` or `put_restored` has decompressed it; empty before.
  Bytes restored() const noexcept { return next_restored_ ? Bytes(restored_) : Bytes(); }

  /// Returns the next message, in one piece unless it is large; valid until the next call of a method that is
  /// not const. Then checks the message after it as `add` does. Returns nothing if the message was
  /// compressed and cannot be decompressed: `fault` has the reason.
  std::optional<Pieces> take();

  /// The message last taken, if it is in one piece; else empty.
  Bytes taken() const noexcept { return pieces_.empty() ? message_ : Bytes(); }

  /// True if the message last taken came compressed.
  bool took_compressed() const noexcept { return took_compressed_; }
  /// The compression of the message last taken.
  Compression took_compression() const noexcept {
    return took_compressed_ ? encoding_ : Compression::identity;
  }

  /// The fault found while taking a message or checking the one after it.
  const Status& fault() const noexcept { return fault_; }

  /// Releases the memory of the message last taken. It must not be read afterwards.
  void forget_taken() noexcept {
    if (taken_bytes_ > 0) drop_taken();
    if (!restored_.empty() && !next_restored_) drop_restored();
  }

  /// Copies borrowed bytes. Releases memory that a large message took and that is no longer needed.
  void keep();

  /// True if bytes follow the waiting message.
  bool more_than_one() const noexcept { return ready() && available() - prefix_bytes > next_bytes_; }

  /// True if no bytes are left, not even of an unfinished message.
  bool empty() const noexcept { return available() == 0; }
  std::size_t available() const noexcept { return available_; }
  /// The memory held for them, and for a message last taken that was large or compressed.
  std::size_t held_bytes() const noexcept {
    const std::size_t taken = large_.held_bytes() + restored_.size();
    return empty() ? taken : std::max(available_, owned_.capacity() + taken);
  }

  /// Writes the prefix of a message of `message_bytes`, prefix_bytes long.
  static void write_prefix(std::uint8_t* to, std::size_t message_bytes, bool compressed = false) noexcept {
    to[0] = compressed;
    for (int at = 1; at <= 4; ++at) to[at] = static_cast<std::uint8_t>(message_bytes >> (32 - 8 * at));
  }

  /// Forgets everything. Releases memory beyond what most messages need.
  void clear() noexcept;

 private:
  void check_prefix();
  void append(Bytes bytes);
  void drop_taken() noexcept;
  void drop_restored() noexcept;
  bool next_compressed() const { return at_ ? at_[0] != 0 : large_next_compressed(); }
  bool large_next_compressed() const;
  void begin_next();
  void begin_large();
  std::optional<Pieces> take_restored();
  Status restore_taken();

  std::size_t max_message_bytes_;
  std::size_t next_bytes_ = 0;  // length of the first message available, once its prefix is there
  std::size_t available_ = 0;
  // The start of that message: borrowed or in owned_; null if it is in large_.
  const std::uint8_t* at_ = nullptr;
  bool borrowed_ = false;
  std::vector<std::uint8_t> owned_;
  Chain large_;
  std::size_t taken_bytes_ = 0;         // the part of large_ that the message last taken uses
  Bytes message_;                       // the message last taken, if it is in one piece
  std::vector<Bytes> pieces_;           // the message last taken, if it is in several
  std::vector<std::uint8_t> restored_;  // the message last taken, or the next one, if it came compressed
  Compression encoding_ = Compression::identity;
  bool took_compressed_ = false;
  bool next_restored_ = false;  // restored_ is the waiting message
  Status fault_;
};

}  // namespace ringrpc
