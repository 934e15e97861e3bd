/// The fields of an arriving header block, as views into the buffers of the HPACK decoder.
///
///   block.begin();
///   if (!block.repeats(name, value)) block.put(pool, field, meaning, name, value);
///   if (check.take(block.next().meaning)) block.accept();
///   … block.fields() …
///
/// The requests of a connection are alike, and HPACK returns the same buffers each time for strings in its
/// tables. So the previous block is kept, with references to its buffers. A field in the same place with the
/// same buffers, or with the same bytes, is the same field: it is not parsed or checked again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "http2/header.h"
#include "http2/memory_pool.h"
#include "http2/message_check.h"

struct nghttp2_rcbuf;

namespace ringrpc::http2 {

class HeaderBlock {
 public:
  HeaderBlock() = default;
  HeaderBlock(const HeaderBlock&) = delete;
  HeaderBlock& operator=(const HeaderBlock&) = delete;

  /// Begins a new block, which is compared with the previous one.
  void begin() noexcept { count_ = 0; }

  /// True if the next field equals the field in the same place of the previous block.
  bool repeats(const nghttp2_rcbuf* name, const nghttp2_rcbuf* value) const noexcept {
    return count_ < known_ && sources_[count_].name == name && sources_[count_].value == value;
  }

  /// The same for a field that HPACK does not put into its tables, so that each occurrence has a buffer of
  /// its own.
  bool repeats(const nghttp2_rcbuf* name, std::string_view value, bool never_indexed) const noexcept {
    if (count_ >= known_ || sources_[count_].name != name) return false;
    return fields_[count_].value == value && fields_[count_].never_indexed == never_indexed;
  }

  /// Puts a different field in the next place and holds its buffers. False when out of memory.
  bool put(MemoryPool& pool, const Header& field, const FieldMeaning& meaning, nghttp2_rcbuf* name,
           nghttp2_rcbuf* value) noexcept;

  /// The meaning and size of the field in the next place. `accept` makes it part of the block.
  const FieldMeaning& meaning() const noexcept { return sources_[count_].meaning; }
  std::uint32_t bytes() const noexcept { return sources_[count_].bytes; }
  void accept() noexcept { ++count_; }

  /// Valid until the next block begins.
  std::span<const Header> fields() const noexcept { return {fields_, count_}; }

  /// Returns the memory if the block was much larger than usual.
  void shrink(MemoryPool& pool) noexcept {
    if (capacity_ > usual_count) release(pool);
  }
  void release(MemoryPool& pool) noexcept;

 private:
  friend class KeptHeaders;
  struct Source {
    nghttp2_rcbuf* name;
    nghttp2_rcbuf* value;
    FieldMeaning meaning;
    std::uint32_t bytes;
  };
  static constexpr std::uint32_t usual_count = 24;

  bool grow(MemoryPool& pool) noexcept;

  std::uint32_t capacity_ = 0;
  std::uint32_t known_ = 0;  // places filled by this block or an earlier one
  std::uint32_t count_ = 0;
  Header* fields_ = nullptr;
  Source* sources_ = nullptr;
};

/// A block that outlives the next one. Streams that keep the same block share it.
class KeptHeaders {
 public:
  KeptHeaders() = default;
  KeptHeaders(const KeptHeaders&) = delete;
  KeptHeaders& operator=(const KeptHeaders&) = delete;

  /// False when out of memory.
  bool keep(MemoryPool& pool, const HeaderBlock& block) noexcept;
  void share(const KeptHeaders& other) noexcept {
    shared_ = other.shared_;
    ++shared_->owners;
  }
  std::span<const Header> fields() const noexcept {
    if (shared_ == nullptr) return {};
    return {shared_->fields(), shared_->count};
  }
  void release(MemoryPool& pool) noexcept {
    Shared* const released = std::exchange(shared_, nullptr);
    if (released != nullptr && --released->owners == 0) destroy(pool, *released);
  }

 private:
  /// The fields follow, then the buffers that they are views into, two for each field.
  struct Shared {
    std::uint32_t owners;
    std::uint32_t count;
    Header* fields() noexcept { return reinterpret_cast<Header*>(this + 1); }
    std::span<nghttp2_rcbuf*> buffers() noexcept {
      return {reinterpret_cast<nghttp2_rcbuf**>(fields() + count), 2 * std::size_t{count}};
    }
  };

  static void destroy(MemoryPool& pool, Shared& shared) noexcept;

  Shared* shared_ = nullptr;
};

}  // namespace ringrpc::http2
