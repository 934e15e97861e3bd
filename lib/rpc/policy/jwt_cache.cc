#include "rpc/policy/jwt_cache.h"

#include <algorithm>
#include <bit>
#include <utility>

// The functions are compiled into this source.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/random.h"

namespace ringrpc {
namespace {

constexpr std::size_t hashed_bytes = 24;  // 18 bytes of the signature

}  // namespace

JwtCache::JwtCache(std::uint64_t owner, std::size_t tokens)
    : owner_(owner),
      hash_key_(Random()()),
      bucket_mask_(std::bit_ceil(std::max(tokens / bucket_size, std::size_t{1})) - 1),
      slots_((bucket_mask_ + 1) * bucket_size) {}

std::size_t JwtCache::bucket(std::string_view token) const noexcept {
  const std::string_view end = token.substr(token.size() - std::min(token.size(), hashed_bytes));
  return (XXH3_64bits_withSeed(end.data(), end.size(), hash_key_) & bucket_mask_) * bucket_size;
}

VerifiedToken* JwtCache::find(std::string_view token) noexcept {
  VerifiedToken* const first = &slots_[bucket(token)];
  for (std::size_t i = 0; i < bucket_size; ++i)
    if (first[i].token == token) return &first[i];
  return nullptr;
}

void JwtCache::keep(VerifiedToken verified) {
  const auto first = slots_.begin() + static_cast<std::ptrdiff_t>(bucket(verified.token));
  const auto last = first + bucket_size;
  auto slot = std::ranges::find(first, last, verified.token, &VerifiedToken::token);
  if (slot == last) slot = std::ranges::min_element(first, last, {}, &VerifiedToken::fresh_until);
  *slot = std::move(verified);
}

}  // namespace ringrpc
