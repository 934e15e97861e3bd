/// The calls of this process as gRFC A66 counts them: those of servers by method, those of
/// channels by target and method.
///
///   Result<std::shared_ptr<CallSeriesTable>> servers = co_await read_server_calls();
///   for (const auto& [target, methods] : (*servers)->targets())
///     for (const auto& [method, series] : methods) write(method, series.calls);
///
/// A reader visits each shard on its thread, in steps of some 50 µs, one at a time. Servers, channels and
/// shards may end meanwhile. The tasks are to be awaited on a shard.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "ringrpc/task.h"

#include "observe/call_metrics.h"

namespace ringrpc {

struct CallSeries {
  CallMetrics calls;
  CallMetrics attempts;  ///< of channels
};

class CallSeriesTable {
 public:
  using Methods = std::map<std::string, CallSeries, std::less<>>;
  using Targets = std::map<std::string, Methods, std::less<>>;

  /// `path` is "/package.Service/Method"; empty for all methods that are not named.
  CallSeries& of(std::string_view target, std::string_view path);

  /// By the target's URI, which is empty for servers. Methods are named "package.Service/Method", or "other".
  const Targets& targets() const noexcept { return targets_; }

 private:
  Targets targets_;
};

/// Of all servers with ServerOptions::metrics.
Task<Result<std::shared_ptr<CallSeriesTable>>> read_server_calls();

/// Of all channels with ChannelOptions::metrics.
Task<Result<std::shared_ptr<CallSeriesTable>>> read_channel_calls();

}  // namespace ringrpc
