/// The request header blocks that a client has sent lately, octet for octet as they came.
///
///   if (const KnownBlock* known = blocks.find(octets)) take(known->fields, known->check);   // no HPACK
///   else if (!leaves_table_alone(octets)) blocks.forget(pool);
///   else if (decode(octets, block, check)) blocks.learn(pool, octets, block, check);
///
/// The calls of one client to one method differ in nothing but their stream, and once HPACK's table holds
/// what repeats, neither do the octets of their header blocks. Decoding is a third of what a call costs;
/// comparing is not.
///
/// The same octets mean the same fields as long as HPACK's table stays as it is. So only blocks that leave it
/// alone are learnt, and whatever else arrives makes all be forgotten.
///
/// There are four, of 512 octets and one header list at most. A client whose blocks never come again costs
/// one comparison with each and a copy of what it sent: 2 % of what the session does for such a request (205
/// of 10,300 instructions).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ringrpc/bytes.h"

#include "http2/header_block.h"
#include "http2/memory_pool.h"
#include "http2/message_check.h"

namespace ringrpc::http2 {

/// What a well-formed block within the limits was decoded to.
struct KnownBlock {
  Bytes octets;
  KeptHeaders fields;
  MessageCheck check{MessageCheck::Kind::request};
};

/// Whether decoding a block leaves HPACK's dynamic table as it was: it holds only indexed fields and literals
/// without indexing (RFC 7541, 6). False as well for what can not be decoded.
bool leaves_table_alone(Bytes block) noexcept;

class KnownBlocks {
 public:
  KnownBlocks() = default;
  KnownBlocks(const KnownBlocks&) = delete;
  KnownBlocks& operator=(const KnownBlocks&) = delete;

  /// Null when these octets are unknown, or none. Valid until `learn` or `forget`.
  const KnownBlock* find(Bytes octets) const noexcept;

  /// Keeps what the octets, which leave the table alone, were decoded to, in the place of the block learnt
  /// longest ago. Null when they are too many, or there is no memory.
  const KnownBlock* learn(MemoryPool& pool, Bytes octets, const HeaderBlock& fields,
                          const MessageCheck& check) noexcept;

  /// Whether there is anything to forget.
  bool any() const noexcept { return any_; }

  /// The table has changed, or may have.
  void forget(MemoryPool& pool) noexcept;

 private:
  static constexpr std::size_t octets_max = 512;

  static void drop(MemoryPool& pool, KnownBlock& block) noexcept;

  std::array<KnownBlock, 4> blocks_{};
  std::uint8_t oldest_ = 0;
  bool any_ = false;
};

}  // namespace ringrpc::http2
