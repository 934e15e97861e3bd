/// The request header blocks that a client has sent recently, as undecoded bytes.
///
///   if (const KnownBlock* known = blocks.find(bytes)) take(known->fields, known->check);   // no HPACK
///   else if (!leaves_table_alone(bytes)) blocks.forget(pool);
///   else if (decode(bytes, block, check)) blocks.learn(pool, bytes, block, check);
///
/// The calls of one client to one method differ only in their stream. Once HPACK's table holds the repeated
/// fields, the bytes of their header blocks are equal too. Decoding is a third of the cost of a call;
/// comparing is cheap.
///
/// Equal bytes mean equal fields as long as HPACK's table does not change. So only blocks that leave the
/// table unchanged are learnt, and any other block makes the session forget all of them.
///
/// At most four blocks are kept, each of at most 512 bytes and one header list. A client whose blocks never
/// repeat costs one comparison with each and a copy of its block: 2 % of the session's work for such a
/// request (205 of 10,300 instructions).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ringrpc/bytes.h"

#include "http2/header_block.h"
#include "http2/memory_pool.h"
#include "http2/message_check.h"

namespace ringrpc::http2 {

/// A well-formed block within the limits, with its decoded fields.
struct KnownBlock {
  Bytes bytes;
  KeptHeaders fields;
  MessageCheck check{MessageCheck::Kind::request};
};

/// True if decoding the block leaves HPACK's dynamic table unchanged: it holds only indexed fields and
/// literals without indexing (RFC 7541, 6). False also for a block that cannot be decoded.
bool leaves_table_alone(Bytes block) noexcept;

class KnownBlocks {
 public:
  KnownBlocks() = default;
  KnownBlocks(const KnownBlocks&) = delete;
  KnownBlocks& operator=(const KnownBlocks&) = delete;

  /// Null if the block is unknown or empty. Valid until `learn` or `forget`.
  const KnownBlock* find(Bytes bytes) const noexcept;

  /// Keeps the decoded fields of a block that leaves the table unchanged, in place of the block that was
  /// learnt first. Null if the block is too long, or when out of memory.
  const KnownBlock* learn(MemoryPool& pool, Bytes bytes, const HeaderBlock& fields,
                          const MessageCheck& check) noexcept;

  /// An estimate of the memory of the blocks.
  std::size_t held_bytes() const noexcept { return held_bytes_; }

  /// True if a block may be known.
  bool any() const noexcept { return any_; }

  /// Forgets every block. Call it when the table has changed or may have.
  void forget(MemoryPool& pool) noexcept;

 private:
  static constexpr std::size_t bytes_max = 512;

  void drop(MemoryPool& pool, KnownBlock& block) noexcept;

  std::array<KnownBlock, 4> blocks_{};
  std::uint32_t held_bytes_ = 0;
  std::uint8_t oldest_ = 0;
  bool any_ = false;
};

}  // namespace ringrpc::http2
