/// The numbers of one method's calls on one shard.
///
///   CallMetrics& metrics = table[method.index];
///   metrics.start();
///   metrics.receive_message();
///   metrics.end(Code::OK, {.duration = 80us, .sent_bytes = 18, .received_bytes = 18});
///
/// Everything is a plain integer of the shard's thread. A reader merges the shards with `add`, on the thread
/// of each (reactor/shard_tour.h). `started() - handled()` is the number of calls in flight, also in a merged
/// copy, because all numbers of a method on a shard are read at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "observe/exemplar.h"
#include "observe/histogram.h"

namespace ringrpc {

/// The size of one call: the bytes of its messages as they were on the wire, without prefixes and metadata.
struct CallTraffic {
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
};

/// The calls that ended with one code.
struct CallHistograms {
  LatencyHistogram duration;     ///< nanoseconds
  SizeHistogram sent_bytes;      ///< of a call
  SizeHistogram received_bytes;  ///< of a call
  /// Of `duration`; null if no sampled call has ended with this code.
  std::unique_ptr<LatencyExemplars> exemplars{};

  /// Throws std::bad_alloc if there is no memory for exemplars.
  void add(const CallHistograms& other);
};

class CallMetrics {
 public:
  static constexpr std::size_t code_count = 17;

  void start() noexcept { ++started_; }
  void receive_message() noexcept { ++received_; }
  void send_message() noexcept { ++sent_; }
  /// A message that was received is not of the method's type.
  void reject_message() noexcept { ++rejected_; }

  /// A call has its outcome. The first call that ends with a code allocates its histograms. If there is no
  /// memory for them, they miss the call; the counters do not.
  void end(Code code, Nanoseconds duration, const CallTraffic& traffic) noexcept;

  /// The same for a sampled call. The bucket of its duration points to its trace and span from now on.
  void end(Code code, Nanoseconds duration, const CallTraffic& traffic, const TraceContext& sampled) noexcept;

  /// The latest sampled call with this code and in this bucket of durations; null if there is none.
  const Exemplar* exemplar(Code code, std::size_t bucket) const noexcept {
    const CallHistograms* const histograms = this->histograms(code);
    if (!histograms || !histograms->exemplars) return nullptr;
    const Exemplar& latest = histograms->exemplars->buckets[bucket];
    return latest ? &latest : nullptr;
  }

  /// Adds the numbers of another shard. Throws std::bad_alloc if there is no memory for its histograms; then
  /// some of them may be missing.
  void add(const CallMetrics& other);

  std::uint64_t started() const noexcept { return started_; }
  std::uint64_t received() const noexcept { return received_; }
  std::uint64_t sent() const noexcept { return sent_; }
  std::uint64_t rejected() const noexcept { return rejected_; }
  std::uint64_t handled() const noexcept;
  std::uint64_t handled(Code code) const noexcept { return ends_[index_of(code)].handled; }
  /// Null if no call has ended with `code`.
  const CallHistograms* histograms(Code code) const noexcept {
    return ends_[index_of(code)].histograms.get();
  }
  /// Of all codes. Throws std::bad_alloc if there is no memory for exemplars.
  CallHistograms all_histograms() const;

  /// A handler may make a code of any number.
  static std::size_t index_of(Code code) noexcept {
    const auto number = static_cast<std::size_t>(code);
    return number < code_count ? number : static_cast<std::size_t>(Code::UNKNOWN);
  }

 private:
  struct End {
    std::uint64_t handled = 0;
    std::unique_ptr<CallHistograms> histograms;
  };

  // The first cache line is all that a call with OK touches outside of the histograms.
  std::uint64_t started_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
  std::array<End, code_count> ends_;
  std::uint64_t rejected_ = 0;
};

}  // namespace ringrpc
