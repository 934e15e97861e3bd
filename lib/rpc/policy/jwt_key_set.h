/// Parsed public keys, and signatures verified with them.
///
///   Result<JwtKeySet> keys = JwtKeySet::parse(text);
///   const auto candidates = keys->candidates("2026-11", JwtAlgorithm::es256);
///   bool valid = candidates.front()->key.verify(JwtAlgorithm::es256, signed_bytes, signature);
///
/// It never changes, and several threads may use it at once.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/jwt_keys.h"
#include "ringrpc/status.h"

#include "transport/token_key.h"

namespace ringrpc {

struct JwtKey {
  std::optional<std::string> id;  // `kid`
  JwtAlgorithms algorithms;       // those of its kind, or only its `alg`
  TokenKey key;
};

class JwtKeySet {
 public:
  static constexpr std::size_t keys_max = 100;
  /// Keys that a token without the id of a key may be tried with: this bounds the work for one token.
  static constexpr std::size_t tries_max = 4;

  static Result<JwtKeySet> parse(std::string_view text);

  /// The keys to try for a token, which allow its algorithm: the one with the token's `kid`; if none has it,
  /// those without one; for a token without `kid`, all.
  std::vector<const JwtKey*> candidates(const std::string* id, JwtAlgorithm algorithm) const;

  std::size_t size() const noexcept { return keys_.size(); }

 private:
  Status add_json(std::string_view text);
  Status add_pem(std::string_view text);
  Status add(JwtKey key);

  std::vector<JwtKey> keys_;
};

}  // namespace ringrpc
