/// The calls of a shard that failed last, for people who look for the cause.
///
///   failures.add({.code = status.code(), .method = path, .peer = peer, .message = status.message(), .at = now});
///   failures.for_each([](const RecentFailure& failure) { ... });
///
/// A few of each code are kept, so that a flood of one does not displace the others. Their memory is used
/// again, so in the long run a failure allocates nothing. Belongs to the shard's thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>

#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "observe/call_metrics.h"

namespace ringrpc {

/// `add` copies the texts, except the method.
struct RecentFailure {
  Code code;
  std::string_view method;  ///< valid as long as the server
  std::string_view peer;
  std::string_view message;
  Instant at;
};

class RecentFailures {
 public:
  static constexpr std::size_t kept = 8;  ///< of each code
  static constexpr std::size_t message_bytes_max = 256;

  /// The code is not OK. Does nothing if there is no memory.
  void add(const RecentFailure& failure) noexcept try {
    OfCode& of_code = by_code_[CallMetrics::index_of(failure.code)];
    Kept& place = of_code.ring[of_code.next % kept];
    place.known = false;
    place.peer.assign(failure.peer);
    place.message.assign(failure.message.substr(0, message_bytes_max));
    place.code = failure.code;
    place.method = failure.method;
    place.at = failure.at;
    place.known = true;
    ++of_code.next;
  } catch (const std::bad_alloc&) {
    // The page shows one less.
  }

  template <class Visit>
  void for_each(Visit visit) const {
    for (const OfCode& of_code : by_code_)
      for (const Kept& each : of_code.ring)
        if (each.known)
          visit(RecentFailure{.code = each.code,
                              .method = each.method,
                              .peer = each.peer,
                              .message = each.message,
                              .at = each.at});
  }

 private:
  struct Kept {
    bool known = false;
    Code code = Code::UNKNOWN;
    std::string_view method;
    std::string peer;
    std::string message;
    Instant at;
  };
  struct OfCode {
    std::array<Kept, kept> ring;
    std::size_t next = 0;
  };

  std::array<OfCode, CallMetrics::code_count> by_code_;
};

}  // namespace ringrpc
