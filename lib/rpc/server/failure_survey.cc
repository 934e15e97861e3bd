#include "rpc/server/failure_survey.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace ringrpc {

void add_failures(ServerShard& shard, std::vector<FailureSnapshot>& failures) {
  const ServerMetrics* const metrics = shard.metrics();
  if (!metrics) return;
  const auto time_of_day = std::chrono::system_clock::now();
  const Instant now = shard.shard().io().now();
  metrics->failures.for_each([&](const RecentFailure& failure) {
    const auto ago = std::chrono::duration_cast<std::chrono::system_clock::duration>(now - failure.at);
    failures.push_back({.at = time_of_day - ago,
                        .code = failure.code,
                        .method = std::string(failure.method),
                        .peer = std::string(failure.peer),
                        .message = std::string(failure.message),
                        .shard = shard.shard().index()});
  });
}

void keep_newest(std::vector<FailureSnapshot>& failures) {
  std::ranges::sort(failures, std::ranges::greater(), &FailureSnapshot::at);
  std::array<std::size_t, CallMetrics::code_count> of_code{};
  std::erase_if(failures, [&](const FailureSnapshot& failure) {
    return ++of_code[CallMetrics::index_of(failure.code)] > RecentFailures::kept;
  });
}

}  // namespace ringrpc
