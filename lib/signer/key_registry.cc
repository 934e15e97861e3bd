#include "signer/key_registry.h"

#include <algorithm>
#include <utility>

namespace ringrpc {

namespace {

const Signer* first(std::span<const std::unique_ptr<Signer>> signers, auto wanted) noexcept {
  const auto found = std::ranges::find_if(signers, [&](const auto& signer) { return wanted(*signer); });
  return found == signers.end() ? nullptr : found->get();
}

}  // namespace

Status KeyRegistry::add(std::unique_ptr<Signer> signer) {
  if (with_id(signer->public_key().id()))
    return fail(Code::ALREADY_EXISTS, "key " + signer->public_key().id() + " is given twice; give it once");
  signers_.push_back(std::move(signer));
  return {};
}

const Signer* KeyRegistry::with_id(std::string_view id) const noexcept {
  return first(signers_, [&](const Signer& signer) { return signer.public_key().id() == id; });
}

const Signer* KeyRegistry::with_algorithm(Algorithm algorithm) const noexcept {
  return first(signers_, [&](const Signer& signer) { return signer.algorithms().contains(algorithm); });
}

const Signer* KeyRegistry::of_kind(KeyKind kind) const noexcept {
  return first(signers_, [&](const Signer& signer) { return signer.public_key().kind() == kind; });
}

Algorithms KeyRegistry::algorithms() const noexcept {
  Algorithms all;
  for (const Algorithm one : every_algorithm)
    if (with_algorithm(one)) all.add(one);
  return all;
}

}  // namespace ringrpc
