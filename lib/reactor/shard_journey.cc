#include "reactor/shard_journey.h"

#include <utility>

#include "ringrpc/event_count.h"

#include "base/caught.h"

namespace ringrpc {

struct Journey {
  std::move_only_function<Leg(Shard*, NextStop&)> step;
  bool in_mail = false;  ///< a letter is on its way to the shard of the next step
  Status status;         ///< read after `ended`
  EventCount ended;
};

namespace {

void take_step(const std::shared_ptr<Journey>& journey, Shard* here) noexcept try {
  NextStop next(journey);
  if (journey->step(here, next) == Leg::last) journey->ended.notify();
} catch (...) {
  journey->status = caught();
  journey->ended.notify();
}

/// The mail that brings a journey to another shard. If that shard ends before it runs the mail, the
/// journey goes on from there.
class NextStep {
 public:
  explicit NextStep(std::shared_ptr<Journey> journey) noexcept : journey_(std::move(journey)) {}
  NextStep(NextStep&&) noexcept = default;
  NextStep& operator=(NextStep&&) = delete;
  ~NextStep() {
    if (journey_ && std::exchange(journey_->in_mail, false)) take_step(journey_, nullptr);
  }

  void operator()() {
    const std::shared_ptr<Journey> journey = std::move(journey_);
    journey->in_mail = false;
    take_step(journey, Shard::current());
  }

 private:
  std::shared_ptr<Journey> journey_;
};

}  // namespace

NextStop::NextStop(std::shared_ptr<Journey> journey)
    : journey_(*journey), mail_(NextStep(std::move(journey))) {}

Leg NextStop::go_to(Shard& shard) noexcept {
  journey_.in_mail = true;
  shard.post(std::move(mail_));
  return Leg::under_way;
}

Task<Status> journey(std::move_only_function<Leg(Shard*, NextStop&)> step) {
  const auto journey = std::make_shared<Journey>();
  journey->step = std::move(step);
  const std::uint64_t seen = journey->ended.count();
  take_step(journey, Shard::current());
  co_await journey->ended.past(seen);
  co_return journey->status;
}

}  // namespace ringrpc
