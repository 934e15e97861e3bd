#include "signer/algorithm.h"

#include <algorithm>
#include <cassert>

namespace ringrpc {

namespace {

struct Traits {
  std::string_view name;
  KeyKind kind;
  Hash hash;
  bool pss = false;
};

/// In the order of the enumeration.
constexpr std::array<Traits, every_algorithm.size()> traits = {{
    {"RSA_PKCS1_SHA256", KeyKind::rsa, Hash::sha256},
    {"RSA_PKCS1_SHA384", KeyKind::rsa, Hash::sha384},
    {"RSA_PKCS1_SHA512", KeyKind::rsa, Hash::sha512},
    {"RSA_PSS_SHA256", KeyKind::rsa, Hash::sha256, true},
    {"RSA_PSS_SHA384", KeyKind::rsa, Hash::sha384, true},
    {"RSA_PSS_SHA512", KeyKind::rsa, Hash::sha512, true},
    {"ECDSA_P256_SHA256", KeyKind::p256, Hash::sha256},
    {"ECDSA_P384_SHA384", KeyKind::p384, Hash::sha384},
    {"ED25519", KeyKind::ed25519, Hash::none},
}};

const Traits& of(Algorithm algorithm) noexcept { return traits[static_cast<std::size_t>(algorithm)]; }

}  // namespace

std::string_view name(Algorithm algorithm) noexcept { return of(algorithm).name; }

std::optional<Algorithm> algorithm_named(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(traits, name, &Traits::name);
  if (found == traits.end()) return std::nullopt;
  return static_cast<Algorithm>(found - traits.begin());
}

KeyKind key_kind(Algorithm algorithm) noexcept { return of(algorithm).kind; }
Hash hash_of(Algorithm algorithm) noexcept { return of(algorithm).hash; }
bool is_pss(Algorithm algorithm) noexcept { return of(algorithm).pss; }

std::string_view name(KeyKind kind) noexcept {
  static constexpr std::array<std::string_view, 4> names = {"RSA", "P-256", "P-384", "Ed25519"};
  return names[static_cast<std::size_t>(kind)];
}

Cost cost_of(KeyKind kind) noexcept {
  const bool quick = kind == KeyKind::p256 || kind == KeyKind::ed25519;
  return quick ? Cost::cheap : Cost::expensive;
}

std::string_view name(Hash hash) noexcept {
  static constexpr std::array<std::string_view, 4> names = {"", "SHA256", "SHA384", "SHA512"};
  return names[static_cast<std::size_t>(hash)];
}

std::size_t digest_bytes(Hash hash) noexcept {
  static constexpr std::array<std::size_t, 4> sizes = {0, 32, 48, 64};
  return sizes[static_cast<std::size_t>(hash)];
}

Algorithm Algorithms::first() const noexcept {
  assert(!empty());
  return *std::ranges::find_if(every_algorithm, [this](Algorithm one) { return contains(one); });
}

std::string Algorithms::names() const {
  std::string listed;
  for (const Algorithm one : every_algorithm)
    if (contains(one)) listed.append(listed.empty() ? "" : ", ").append(name(one));
  return listed;
}

Algorithms algorithms_of(KeyKind kind) noexcept {
  Algorithms usable;
  for (const Algorithm one : every_algorithm)
    if (key_kind(one) == kind) usable.add(one);
  return usable;
}

}  // namespace ringrpc
