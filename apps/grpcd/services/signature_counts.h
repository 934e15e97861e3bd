/// Counts signatures by key, algorithm and outcome, for /metrics.
///
///   SignatureCounts counts(keys);
///   counts.count(*choice.signer, choice.algorithm, signature.has_value());
///   counts.write(writer);
///
/// A signature takes tens of microseconds, so all shards share the counters, which are atomic. All members
/// may be used from any thread at the same time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "ringrpc/metrics.h"

#include "signer/key_registry.h"

namespace ringrpc {

class SignatureCounts {
 public:
  /// `keys` must outlive it, and have all of its keys.
  explicit SignatureCounts(const KeyRegistry& keys);

  /// `signer` is one of the keys.
  void count(const Signer& signer, Algorithm algorithm, bool made) noexcept;

  /// Writes a family with a sample for each outcome of each algorithm that a key may be used with.
  void write(MetricsWriter& writer) const;

 private:
  struct Outcomes {
    std::atomic<std::uint64_t> made = 0;
    std::atomic<std::uint64_t> failed = 0;
  };
  struct OfKey {
    std::array<Outcomes, every_algorithm.size()> by_algorithm;
  };

  const KeyRegistry& keys_;
  std::vector<OfKey> counts_;  ///< in the order of the keys
};

}  // namespace ringrpc
