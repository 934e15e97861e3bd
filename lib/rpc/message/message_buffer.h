/// Received body bytes, cut into length-prefixed messages (PROTOCOL-HTTP2.md, "Length-Prefixed-Message").
///
///   buffer.set_encoding(Compression::gzip);   // what `grpc-encoding` says
///   buffer.add(bytes);
///   while (buffer.ready())
///     if (std::optional<Pieces> message = buffer.take()) use(*message);
///   buffer.keep();            // before the memory behind the last `add` goes
///
/// Bytes are borrowed at first: a message that arrives whole is parsed where it was received. Only what is
/// still needed when that memory goes is copied: a few KiB in one piece, more into slabs. A message is never
/// given room before its bytes arrive, so a length alone costs nothing. A compressed message stays compressed
/// until it is taken, or restored ahead of that.
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
  static constexpr std::size_t length_max = 0xffff'ffff;  ///< that a prefix can say

  /// `max_message_bytes` bounds the length that a prefix may announce, and what a compressed message becomes.
  MessageBuffer(SlabPool& slabs, std::size_t max_message_bytes) noexcept
      : max_message_bytes_(max_message_bytes), large_(slabs) {}

  std::size_t max_message_bytes() const noexcept { return max_message_bytes_; }

  /// How messages with the compressed flag are compressed; `identity`, as at first, allows none.
  void set_encoding(Compression encoding) noexcept { encoding_ = encoding; }

  /// Appends bytes, borrowed until `keep`. RESOURCE_EXHAUSTED when the next message is longer than allowed,
  /// INTERNAL when its flags say what no encoding was agreed for.
  Status add(Bytes bytes);

  /// Whether a whole message waits; one at fault does not count.
  bool ready() const noexcept {
    return available() >= prefix_bytes && available() - prefix_bytes >= next_bytes_ && fault_.ok();
  }

  // Of the message that waits, where `ready`: its size as it arrived, how it is compressed, and its bytes as
  // they arrived; these are valid until the next call of a method that is not const.
  std::size_t next_bytes() const noexcept { return next_bytes_; }
  /// Whether it is in one piece, and not compressed.
  bool next_plain() const noexcept { return at_ && at_[0] == 0; }
  Compression next_compression() const { return next_compressed() ? encoding_ : Compression::identity; }
  std::vector<Bytes> next_pieces() const;

  /// Decompresses the message that waits ahead of `take`. False where that makes more than `bytes_max`, and
  /// nothing has changed. A message at fault gives true, and `take` finds the fault.
  bool restore_next(std::size_t bytes_max);
  /// Takes what the message that waits has been decompressed to elsewhere: `take` will give it.
  void put_restored(std::vector<std::uint8_t> restored) noexcept;
  /// Drops the message that waits, which was used elsewhere, and then checks the one behind it as `add` does.
  void skip();
  /// The message that waits, once `restore_next` or `put_restored` has decompressed it; empty before.
  Bytes restored() const noexcept { return next_restored_ ? Bytes(restored_) : Bytes(); }

  /// The next message, in one piece unless it is large; valid until the next call of a method that is not
  /// const. Then checks the message behind it as `add` does. Nothing when it was compressed and cannot be
  /// restored: `fault` says why.
  std::optional<Pieces> take();

  /// That message, where it is in one piece; else empty.
  Bytes taken() const noexcept { return pieces_.empty() ? message_ : Bytes(); }

  /// Whether the message last taken came compressed.
  bool took_compressed() const noexcept { return took_compressed_; }
  /// With what.
  Compression took_compression() const noexcept {
    return took_compressed_ ? encoding_ : Compression::identity;
  }

  /// What taking a message, or the check of one behind it, found.
  const Status& fault() const noexcept { return fault_; }

  /// Lets go of what a message last taken is in, which nobody reads any more.
  void forget_taken() noexcept {
    if (taken_bytes_ > 0) drop_taken();
    if (!restored_.empty() && !next_restored_) drop_restored();
  }

  /// Copies what is borrowed; lets go of memory that a large message took and nothing needs any more.
  void keep();

  /// Whether anything follows the message that waits.
  bool more_than_one() const noexcept { return ready() && available() - prefix_bytes > next_bytes_; }

  /// Whether nothing is left: not even bytes of an unfinished message.
  bool empty() const noexcept { return available() == 0; }
  std::size_t available() const noexcept { return available_; }
  /// What it keeps in memory for that, and for a message last taken that was large or compressed.
  std::size_t held_bytes() const noexcept {
    const std::size_t taken = large_.held_bytes() + restored_.size();
    return empty() ? taken : std::max(available_, owned_.capacity() + taken);
  }

  /// Writes the prefix of a message of `message_bytes`, prefix_bytes long.
  static void write_prefix(std::uint8_t* to, std::size_t message_bytes, bool compressed = false) noexcept {
    to[0] = compressed;
    for (int at = 1; at <= 4; ++at) to[at] = static_cast<std::uint8_t>(message_bytes >> (32 - 8 * at));
  }

  /// Forgets everything and lets go of memory beyond what most messages need.
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
  const std::uint8_t* at_ = nullptr;  // where that is: borrowed, or in owned_; null where it is in large_
  bool borrowed_ = false;
  std::vector<std::uint8_t> owned_;
  Chain large_;
  std::size_t taken_bytes_ = 0;         // of large_, by the message last taken
  Bytes message_;                       // the message last taken, where it is in one piece
  std::vector<Bytes> pieces_;           // the same in several
  std::vector<std::uint8_t> restored_;  // the message last taken, or the next one, where it came compressed
  Compression encoding_ = Compression::identity;
  bool took_compressed_ = false;
  bool next_restored_ = false;  // restored_ is of the message that waits
  Status fault_;
};

}  // namespace ringrpc
