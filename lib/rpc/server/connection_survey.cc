#include "rpc/server/connection_survey.h"

#include <utility>

namespace ringrpc {

ConnectionSurvey::Entry ConnectionSurvey::entry_of(const ServerConnection& connection, const Shard& shard) {
  return {.started = connection.started(),
          .connection = {.peer = connection.peer(),
                         .identity = to_string(connection.peer_identity()),
                         .transport = name(connection.kind().transport),
                         .tls = connection.kind().tls,
                         .draining = connection.draining(),
                         .shard = shard.index(),
                         .age = std::max(shard.now() - connection.started(), Nanoseconds::zero()),
                         .calls_in_flight = connection.calls_in_flight()}};
}

void ConnectionSurvey::visit(ServerShard& shard) {
  const std::uint64_t open = shard.counters().connections_open;
  open_ += open;
  if (const ServerMetrics* const metrics = shard.metrics()) metrics_.add(metrics->connections);
  const auto add_to = [&](std::vector<Entry>& entries) {
    return
        [&](const ServerConnection& connection) { entries.push_back(entry_of(connection, shard.shard())); };
  };
  shard.visit_oldest(most_, add_to(oldest_));
  const std::size_t others = open - std::min<std::uint64_t>(open, most_);
  shard.visit_newest(std::min(most_, others), add_to(newest_));
}

/// An entry that no longer fits among the oldest may be among the newest.
ConnectionsSnapshot ConnectionSurvey::finish() && {
  std::ranges::sort(oldest_, {}, &Entry::started);
  if (oldest_.size() > most_) {
    std::move(oldest_.begin() + static_cast<std::ptrdiff_t>(most_), oldest_.end(),
              std::back_inserter(newest_));
    oldest_.resize(most_);
  }
  std::ranges::sort(newest_, std::ranges::greater(), &Entry::started);
  if (newest_.size() > most_) newest_.resize(most_);

  ConnectionsSnapshot snapshot{.open = open_};
  for (std::size_t kind = 0; kind < ConnectionMetrics::kinds; ++kind)
    if (metrics_.accepted[kind] > 0)
      snapshot.kinds.push_back({.transport = name(static_cast<ConnectionKind::Transport>(kind / 2)),
                                .tls = kind % 2 == 1,
                                .open = metrics_.accepted[kind] - metrics_.ended[kind]});
  for (Entry& entry : oldest_) snapshot.oldest.push_back(std::move(entry.connection));
  for (Entry& entry : newest_) snapshot.newest.push_back(std::move(entry.connection));
  return snapshot;
}

}  // namespace ringrpc
