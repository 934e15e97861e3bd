/// The fields of a header block that arrives, as views into the buffers of the HPACK decoder.
///
///   block.begin();
///   if (!block.repeats(name, value)) block.put(pool, field, meaning, name, value);
///   if (check.take(block.next().meaning)) block.accept();
///   … block.fields() …
///
/// The requests of a connection are much alike, and what HPACK has in its tables comes in the same buffers
/// each time. So the block before is kept with references to its buffers: a field in the same place and the
/// same buffers is the same field, and is neither looked at nor checked again. Nor is one with the same
/// octets.
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

  /// A new block arrives; the one before is what it is compared with.
  void begin() noexcept { count_ = 0; }

  /// Whether the next field is the one that was in its place before.
  bool repeats(const nghttp2_rcbuf* name, const nghttp2_rcbuf* value) const noexcept {
    return count_ < known_ && sources_[count_].name == name && sources_[count_].value == value;
  }

  /// The same for a field that HPACK does not put into its tables, and that comes in a buffer of its own each
  /// time.
  bool repeats(const nghttp2_rcbuf* name, std::string_view value, bool never_indexed) const noexcept {
    if (count_ >= known_ || sources_[count_].name != name) return false;
    return fields_[count_].value == value && fields_[count_].never_indexed == never_indexed;
  }

  /// Puts another field in the next place, and holds its buffers. False when there is no memory.
  bool put(MemoryPool& pool, const Header& field, const FieldMeaning& meaning, nghttp2_rcbuf* name,
           nghttp2_rcbuf* value) noexcept;

  /// What is known of the field in the next place, and making it part of the block.
  const FieldMeaning& meaning() const noexcept { return sources_[count_].meaning; }
  std::uint32_t bytes() const noexcept { return sources_[count_].bytes; }
  void accept() noexcept { ++count_; }

  /// Valid until the next block begins.
  std::span<const Header> fields() const noexcept { return {fields_, count_}; }

  /// Gives the memory back if the block was far larger than most are.
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
  std::uint32_t known_ = 0;  // how many places are filled, from this block or from one before
  std::uint32_t count_ = 0;
  Header* fields_ = nullptr;
  Source* sources_ = nullptr;
};

/// A block that outlives the next one. Those who keep the same share it.
class KeptHeaders {
 public:
  KeptHeaders() = default;
  KeptHeaders(const KeptHeaders&) = delete;
  KeptHeaders& operator=(const KeptHeaders&) = delete;

  /// False when there is no memory.
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
  /// The fields follow, and the buffers that they are views into, two for each.
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
