#include "rpc/server/call_survey.h"

#include <algorithm>
#include <utility>

namespace ringrpc {

bool CallSurvey::visit_some(ServerShard& shard, const Slices& slice) {
  if (!walk_) walk_ = shard.begin_walk();
  while (ServerConnection* const connection = walk_->next()) {
    visit(*connection, shard.shard());
    if (slice.over()) return false;
  }
  walk_.reset();
  return true;
}

void CallSurvey::visit(ServerConnection& connection, const Shard& shard) {
  in_flight_ += connection.calls_in_flight();
  connection.visit_calls(most_, [&](const ServerCall& call) { add(call, shard); });
}

void CallSurvey::add(const ServerCall& call, const Shard& shard) {
  if (oldest_.size() == most_) {
    if (call.received_at() >= oldest_.front().received_at) return;
    std::ranges::pop_heap(oldest_, older);
    oldest_.pop_back();
  }
  Entry entry{.received_at = call.received_at(),
              .call = {.method = std::string(call.method()),
                       .peer = call.peer(),
                       .shard = shard.index(),
                       .age = std::max(shard.now() - call.received_at(), Nanoseconds::zero()),
                       .state = call.state()}};
  if (call.deadline() != never) entry.call.time_left = call.deadline() - shard.now();
  oldest_.push_back(std::move(entry));
  std::ranges::push_heap(oldest_, older);
}

CallsSnapshot CallSurvey::finish() && {
  std::ranges::sort_heap(oldest_, older);
  CallsSnapshot snapshot{.in_flight = in_flight_};
  for (Entry& entry : oldest_) snapshot.oldest.push_back(std::move(entry.call));
  return snapshot;
}

}  // namespace ringrpc
