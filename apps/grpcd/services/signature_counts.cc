#include "grpcd/services/signature_counts.h"

#include <algorithm>
#include <cassert>

namespace ringrpc {

SignatureCounts::SignatureCounts(const KeyRegistry& keys) : keys_(keys), counts_(keys.all().size()) {}

void SignatureCounts::count(const Signer& signer, Algorithm algorithm, bool made) noexcept {
  const auto found =
      std::ranges::find(keys_.all(), &signer, [](const auto& each) -> const Signer* { return each.get(); });
  assert(found != keys_.all().end());
  const auto key = static_cast<std::size_t>(found - keys_.all().begin());
  Outcomes& outcomes = counts_[key].by_algorithm[static_cast<std::size_t>(algorithm)];
  (made ? outcomes.made : outcomes.failed).fetch_add(1, std::memory_order_relaxed);
}

void SignatureCounts::write(MetricsWriter& writer) const {
  writer.counter("grpcd_signatures", "Signatures that were attempted, by key, algorithm and outcome.");
  const auto sample = [&](const Signer& signer, Algorithm algorithm, std::string_view outcome,
                          const std::atomic<std::uint64_t>& number) {
    writer.sample(
        {{"key_id", signer.public_key().id()}, {"algorithm", name(algorithm)}, {"outcome", outcome}},
        static_cast<double>(number.load(std::memory_order_relaxed)));
  };
  for (std::size_t key = 0; key < counts_.size(); ++key) {
    const Signer& signer = *keys_.all()[key];
    for (const Algorithm algorithm : every_algorithm) {
      if (!signer.algorithms().contains(algorithm)) continue;
      const Outcomes& outcomes = counts_[key].by_algorithm[static_cast<std::size_t>(algorithm)];
      sample(signer, algorithm, "made", outcomes.made);
      sample(signer, algorithm, "failed", outcomes.failed);
    }
  }
}

}  // namespace ringrpc
