#include "http2/known_blocks.h"

#include <cstring>
#include <optional>

namespace ringrpc::http2 {
namespace {

/// An estimate of the block's memory.
std::uint32_t bytes_of(const KnownBlock& block) noexcept {
  return static_cast<std::uint32_t>(block.bytes.size() + kept_bytes(block.fields.fields()));
}

/// Steps over the parts of a header block (RFC 7541, 5).
class HpackReader {
 public:
  explicit HpackReader(Bytes block) noexcept : rest_(block) {}

  bool done() const noexcept { return rest_.empty(); }
  std::uint8_t peek() const noexcept { return rest_.front(); }

  /// Reads an integer from the low `prefix_bits` of a byte and the bytes that follow.
  std::optional<std::size_t> integer(unsigned prefix_bits) noexcept {
    if (rest_.empty()) return std::nullopt;
    const std::size_t prefix = (std::size_t{1} << prefix_bits) - 1;
    std::size_t value = take() & prefix;
    if (value < prefix) return value;
    for (unsigned shift = 0; shift < 28 && !rest_.empty(); shift += 7) {
      const std::uint8_t byte = take();
      value += std::size_t{byte & 0x7fU} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return std::nullopt;
  }

  bool skip_string() noexcept {
    const std::optional<std::size_t> length = integer(7);
    if (!length || *length > rest_.size()) return false;
    rest_ = rest_.subspan(*length);
    return true;
  }

 private:
  std::uint8_t take() noexcept {
    const std::uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte;
  }

  Bytes rest_;
};

}  // namespace

bool leaves_table_alone(Bytes block) noexcept {
  HpackReader reader(block);
  while (!reader.done()) {
    const std::uint8_t byte = reader.peek();
    if ((byte & 0x80) != 0) {  // indexed
      if (!reader.integer(7)) return false;
      continue;
    }
    if ((byte & 0x60) != 0) return false;  // a literal that enters the table, or a new table size
    const std::optional<std::size_t> name = reader.integer(4);
    if (!name || (*name == 0 && !reader.skip_string()) || !reader.skip_string()) return false;
  }
  return true;
}

const KnownBlock* KnownBlocks::find(Bytes bytes) const noexcept {
  if (!any_ || bytes.empty()) return nullptr;
  for (const KnownBlock& block : blocks_) {
    if (block.bytes.size() == bytes.size() &&
        std::memcmp(block.bytes.data(), bytes.data(), bytes.size()) == 0) {
      return &block;
    }
  }
  return nullptr;
}

const KnownBlock* KnownBlocks::learn(MemoryPool& pool, Bytes bytes, const HeaderBlock& fields,
                                     const MessageCheck& check) noexcept {
  if (bytes.empty() || bytes.size() > bytes_max) return nullptr;
  KnownBlock& block = blocks_[oldest_];
  drop(pool, block);
  auto* const copy = static_cast<std::uint8_t*>(pool.allocate(bytes.size()));
  if (copy == nullptr) return nullptr;
  std::memcpy(copy, bytes.data(), bytes.size());
  block.bytes = {copy, bytes.size()};
  block.check = check;
  any_ = true;
  const bool kept = block.fields.keep(pool, fields);
  held_bytes_ += bytes_of(block);
  if (!kept) {
    drop(pool, block);
    return nullptr;
  }
  oldest_ = static_cast<std::uint8_t>((oldest_ + 1) % blocks_.size());
  return &block;
}

void KnownBlocks::forget(MemoryPool& pool) noexcept {
  if (!any_) return;
  for (KnownBlock& block : blocks_) drop(pool, block);
  any_ = false;
}

void KnownBlocks::drop(MemoryPool& pool, KnownBlock& block) noexcept {
  held_bytes_ -= bytes_of(block);
  pool.deallocate(const_cast<std::uint8_t*>(block.bytes.data()));
  block.bytes = {};
  block.fields.release(pool);
}

}  // namespace ringrpc::http2
