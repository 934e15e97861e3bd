/// The keys of a server, found by what callers name: an id, an algorithm or a kind.
///
///   KeyRegistry keys;
///   Status status = keys.add(std::move(signer));
///   const Signer* signer = keys.with_algorithm(Algorithm::ed25519);
///
/// Where several would do, the one that was added first is given. Filled before it is shared; after that all
/// methods but `add` may be called from several threads at once. Its keys are wiped when it is destroyed.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "signer/signer.h"

namespace ringrpc {

class KeyRegistry {
 public:
  /// ALREADY_EXISTS when it has the key.
  Status add(std::unique_ptr<Signer> signer);

  // Null when there is none; valid as long as the registry.

  const Signer* with_id(std::string_view id) const noexcept;
  const Signer* with_algorithm(Algorithm algorithm) const noexcept;
  const Signer* of_kind(KeyKind kind) const noexcept;

  /// In the order in which they were added.
  std::span<const std::unique_ptr<Signer>> all() const noexcept { return signers_; }
  /// What any of the keys may be used for.
  Algorithms algorithms() const noexcept;

 private:
  std::vector<std::unique_ptr<Signer>> signers_;
};

}  // namespace ringrpc
