#include "rpc/metrics/call_series.h"

#include <cstddef>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "reactor/shard_journey.h"
#include "reactor/slices.h"
#include "rpc/channelz/registry.h"
#include "rpc/metrics/channel_totals.h"

namespace ringrpc {
namespace {

std::vector<channelz::PartPlace> parts_of_servers() {
  std::vector<channelz::PartPlace> parts;
  for (const channelz::EntityView& server : channelz::Registry::of_process().list(
           channelz::Entity::Kind::server, 0, std::numeric_limits<std::size_t>::max()))
    parts.insert(parts.end(), server.parts.begin(), server.parts.end());
  return parts;
}

/// Adds the calls of some methods from `next` on, until the slice is over. True once all have been added.
bool add_some(CallSeriesTable& table, const channelz::Part& part, std::size_t& next, const Slices& slice) {
  while (const auto method = part.counted_method(next)) {
    ++next;
    if (method->calls.started() > 0) table.of({}, method->path).calls.add(method->calls);
    if (slice.over()) return false;
  }
  return true;
}

}  // namespace

CallSeries& CallSeriesTable::of(std::string_view target, std::string_view path) {
  auto methods = targets_.find(target);
  if (methods == targets_.end()) methods = targets_.try_emplace(std::string(target)).first;
  const std::string_view method = path.empty() ? "other" : path.substr(1);
  const auto found = methods->second.find(method);
  return found != methods->second.end() ? found->second : methods->second[std::string(method)];
}

Task<Result<std::shared_ptr<CallSeriesTable>>> read_server_calls() {
  const auto table = std::make_shared<CallSeriesTable>();
  Status status = co_await journey(
      [table, places = parts_of_servers(), method = std::size_t{0}](Shard* here, NextStop& next) mutable {
        channelz::Registry& registry = channelz::Registry::of_process();
        std::optional<Slices> slice;
        while (!places.empty()) {
          std::unique_lock lock(registry.mutex());
          const channelz::Part* const part = registry.part(lock, places.back().id);
          if (part && (&part->home() != here || (slice && slice->over()))) return next.go_to(part->home());
          lock.unlock();  // this thread is the only one on which it can leave
          if (part) {
            if (!slice) slice.emplace(*here);
            if (!add_some(*table, *part, method, *slice)) continue;  // in the next turn
          }
          places.pop_back();
          method = 0;
        }
        return Leg::last;
      });
  if (!status.ok()) co_return std::unexpected(std::move(status));
  co_return table;
}

Task<Result<std::shared_ptr<CallSeriesTable>>> read_channel_calls() {
  const auto table = std::make_shared<CallSeriesTable>();
  Status status = co_await visit_channels(
      [table, next = std::size_t{0}](const ChannelMetrics& part, Slices* slice) mutable {
        for (const auto& methods = part.methods(); next < methods.size();) {
          const ChannelMetrics::Method& method = methods[next++];
          if (method.calls.started() > 0) {
            CallSeries& series = table->of(part.target().uri(), method.path);
            series.calls.add(method.calls);
            series.attempts.add(method.attempts);
          }
          if (slice && slice->over()) return false;
        }
        next = 0;
        return true;
      });
  if (!status.ok()) co_return std::unexpected(std::move(status));
  co_return table;
}

}  // namespace ringrpc
