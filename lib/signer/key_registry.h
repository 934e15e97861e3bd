/// The keys of a server, found by id, algorithm or kind.
///
///   KeyRegistry keys;
///   Status status = keys.add(std::move(signer));
///   const Signer* signer = keys.with_algorithm(Algorithm::ed25519);
///
/// If several keys match, the one that was added first is returned. Add all keys before sharing the
/// registry; then several threads may call all functions but `add` at once. Destroying the registry wipes
/// its keys.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "signer/signer.h"

namespace ringrpc {

class KeyRegistry {
 public:
  /// ALREADY_EXISTS if the registry has this key.
  Status add(std::unique_ptr<Signer> signer);

  // Null if there is none; valid as long as the registry.

  const Signer* with_id(std::string_view id) const noexcept;
  const Signer* with_algorithm(Algorithm algorithm) const noexcept;
  const Signer* of_kind(KeyKind kind) const noexcept;

  /// All keys, in the order in which they were added.
  std::span<const std::unique_ptr<Signer>> all() const noexcept { return signers_; }
  /// The union of the algorithms of all keys.
  Algorithms algorithms() const noexcept;

 private:
  std::vector<std::unique_ptr<Signer>> signers_;
};

}  // namespace ringrpc
