/// Goes from shard to shard, to read what belongs to their threads, where shards may end meanwhile.
///
///   Status status = co_await journey([places](Shard* here, NextStop& next) mutable {
///     for (; !places.empty(); places.pop_back()) {
///       const std::lock_guard lock(mutex);              // while it is held, no shard ends that has a place
///       Shard& home = places.back().home();
///       if (&home != here) return next.go_to(home);
///       ...
///     }
///     return Leg::last;
///   });
///
/// reactor/shard_tour.h visits shards that outlive the visit, which needs no lock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "ringrpc/status.h"
#include "ringrpc/task.h"

#include "reactor/shard.h"

namespace ringrpc {

enum class Leg : std::uint8_t {
  under_way,  ///< the next stop was set
  last,
};

struct Journey;

/// Where the next step is taken: on another shard, or in a later turn of the same one.
class NextStop {
 public:
  explicit NextStop(std::shared_ptr<Journey> journey);

  /// Takes the next step on `shard`, which must not end before this returns. The step that calls it returns
  /// at once, with the result: the next one may be under way on another thread.
  [[nodiscard]] Leg go_to(Shard& shard) noexcept;

 private:
  Journey& journey_;
  Shard::SealedMail mail_;
};

/// Calls `step` again and again until it returns Leg::last: first on the shard that runs, then at each next
/// stop. `here` is the shard on whose thread it runs. If a shard ends before the step is taken there, it is
/// taken at that time, with null. Destroying the task does not stop the journey, so `step` owns what it
/// writes to; it is never called on two threads at a time. What `step` throws ends the journey: the status is
/// that of `caught` (base/caught.h).
Task<Status> journey(std::move_only_function<Leg(Shard* here, NextStop& next)> step);

}  // namespace ringrpc
