/// The tokens that a shard has verified, those that it waits for, and the callers who had valid ones.
///
///   VerifiedToken* known = cache.find(token);
///   if (known && known->fresh(call.now(), keys_version)) ...
///   cache.keep({.token = token, .fresh_until = until, .keys_version = version, .verified = verified});
///
/// A token is found by comparing all of its bytes. The hash only says where it may be, and needs only the
/// end of the token, which is the end of its signature: no two valid tokens share it but by an accident of
/// 2^-128. It has a key of its own, so that nobody can choose tokens that fall together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/clock.h"

#include "reactor/shard.h"
#include "rpc/policy/caller_standing.h"
#include "rpc/policy/jwt_verifier.h"
#include "rpc/policy/token_check.h"

namespace ringrpc {

struct VerifiedToken {
  std::string token;  // empty for none
  /// Until then, and for these keys, it is valid. After that it must be judged again, without its signature.
  Instant fresh_until;
  std::uint64_t keys_version = 0;
  VerifiedJwt verified;

  bool fresh(Instant now, std::uint64_t version) const noexcept {
    return now < fresh_until && keys_version == version;
  }
};

class JwtCache final : public ShardLocal {
 public:
  /// `owner` tells apart two interceptors that had the same address one after the other.
  JwtCache(std::uint64_t owner, std::size_t tokens);

  std::uint64_t owner() const noexcept { return owner_; }
  /// Null if it is not there. Valid until the next `keep`.
  VerifiedToken* find(std::string_view token) noexcept;
  /// Replaces the token of its bucket that is fresh for the shortest time.
  void keep(VerifiedToken verified);

  TokenChecks& checks() noexcept { return checks_; }
  CallerStanding& standing() noexcept { return standing_; }

 private:
  static constexpr std::size_t bucket_size = 4;

  std::size_t bucket(std::string_view token) const noexcept;

  std::uint64_t owner_;
  std::uint64_t hash_key_;
  std::size_t bucket_mask_;
  std::vector<VerifiedToken> slots_;
  TokenChecks checks_;
  CallerStanding standing_;
};

}  // namespace ringrpc
