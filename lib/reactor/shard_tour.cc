#include "reactor/shard_tour.h"

#include <utility>
#include <vector>

#include "reactor/shard_journey.h"

namespace ringrpc {

Task<Status> tour(std::span<Shard* const> shards, std::move_only_function<Visit(Shard&)> visit) {
  if (shards.empty()) co_return Status();
  if (!Shard::current())
    co_return fail(Code::FAILED_PRECONDITION, "shards are read on a shard: in a handler, or under block_on");
  std::vector<Shard*> left(shards.rbegin(), shards.rend());  // the last one is visited next
  co_return co_await journey(
      [left = std::move(left), visit = std::move(visit), begun = false](Shard*, NextStop& next) mutable {
        if (std::exchange(begun, true) && visit(*left.back()) == Visit::done) left.pop_back();
        return left.empty() ? Leg::last : next.go_to(*left.back());
      });
}

}  // namespace ringrpc
