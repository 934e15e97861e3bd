/// The numbers of all channels, summed over the shards, and their text.
///
///   auto totals = co_await read_channels();
///   if (totals) co_await write_channels(text, **totals, slices);
///
/// A reader visits each ChannelMetrics on the thread of its shard, in steps of some 50 µs, one at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ringrpc/task.h"

#include "observe/call_text.h"
#include "reactor/slices.h"
#include "rpc/metrics/channel_metrics.h"

namespace ringrpc {

class ChannelTotals {
 public:
  explicit ChannelTotals(std::size_t methods_expected);

  /// Adds the calls of some methods, from where the last call with this `part` has stopped, until `slice` is
  /// over; all of them if it is null. True once the whole part has been added.
  bool add_some(const ChannelMetrics& part, Slices* slice);

  /// Of each target and method that has calls.
  const std::vector<MethodMetrics>& methods() const noexcept { return methods_; }
  /// By the label of the target.
  const std::map<std::string_view, ChannelCounts>& counts() const noexcept { return counts_; }

  /// Frees the memory, which takes long, in slices.
  Task<> free(Slices& slices);

 private:
  CallMetrics& of(std::string_view labels);

  std::vector<MethodMetrics> methods_;
  std::unordered_map<std::string_view, std::size_t> index_;  // of methods_, by their labels
  std::map<std::string_view, ChannelCounts> counts_;
  std::size_t next_method_ = 0;
};

/// Calls `visit` with each ChannelMetrics on the thread of its shard, again and again until it
/// returns true. Where no shard counts in it the slice is null, and the visit goes on to the end.
/// `visit` owns what it writes to.
Task<Status> visit_channels(std::move_only_function<bool(const ChannelMetrics&, Slices*)> visit);

/// Reads all channels of the process. Await it on a shard. A task that was destroyed may
/// still read for some turns.
Task<Result<std::shared_ptr<ChannelTotals>>> read_channels();

/// Writes everything, in slices; nothing if there are no targets. The arguments must outlive the task.
Task<> write_channels(MetricsText& text, const ChannelTotals& totals, Slices& slices);

}  // namespace ringrpc
