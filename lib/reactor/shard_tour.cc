#include "reactor/shard_tour.h"

#include <memory>
#include <utility>
#include <vector>

#include "ringrpc/event_count.h"

#include "base/caught.h"

namespace ringrpc {
namespace {

/// Each visit posts the next one and owns the tour until then.
struct Tour {
  std::vector<Shard*> left;  ///< the last one is visited next
  std::move_only_function<Visit(Shard&)> visit;
  Status status;  ///< read after `ended`
  EventCount ended;
};

void post_next(std::shared_ptr<Tour> tour);

void go_on(const std::shared_ptr<Tour>& tour) noexcept try {
  if (tour->visit(*tour->left.back()) == Visit::done) tour->left.pop_back();
  if (!tour->left.empty()) return post_next(tour);
  tour->ended.notify();
} catch (...) {
  tour->status = caught();
  tour->ended.notify();
}

void post_next(std::shared_ptr<Tour> tour) {
  Shard& next = *tour->left.back();
  next.post([tour = std::move(tour)] { go_on(tour); });
}

}  // namespace

Task<Status> tour(std::span<Shard* const> shards, std::move_only_function<Visit(Shard&)> visit) {
  if (shards.empty()) co_return Status();
  if (!Shard::current())
    co_return fail(Code::FAILED_PRECONDITION, "shards are read on a shard: in a handler, or under block_on");
  const auto tour = std::make_shared<Tour>();
  tour->left.assign(shards.rbegin(), shards.rend());
  tour->visit = std::move(visit);
  const std::uint64_t seen = tour->ended.count();
  post_next(tour);
  co_await tour->ended.past(seen);
  co_return tour->status;
}

}  // namespace ringrpc
