#include "reactor/background_shards.h"

#include <algorithm>
#include <latch>
#include <pthread.h>
#include <system_error>
#include <thread>

#include "base/thread_failure.h"
#include "reactor/backend.h"

namespace ringrpc {

/// A shard on a thread that is not pinned, because it has no core of its own: it serves blocked threads.
class BackgroundShards::Member {
 public:
  /// Throws std::system_error if no thread can be started.
  explicit Member(std::unique_ptr<Io> io) {
    auto shard = std::make_unique<Shard>(0, std::move(io));
    shard_ = shard.get();
    thread_ = std::jthread([this, owned = std::move(shard)] {
      ::pthread_setname_np(::pthread_self(), "shard-blocking");
      owned->run();
      stopped_.wait();
    });
  }
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  ~Member() {
    shard_->stop();
    stopped_.count_down();  // the shard must not end while it is being stopped
  }

  Shard& shard() noexcept { return *shard_; }

  std::size_t callers = 0;  ///< guarded by the mutex of BackgroundShards

 private:
  Shard* shard_;  // owned by the thread
  std::latch stopped_{1};
  std::jthread thread_;
};

BackgroundShards::Lease::~Lease() {
  if (!shards_) return;
  const std::lock_guard lock(shards_->mutex_);
  --member_->callers;
}

Shard& BackgroundShards::Lease::shard() const noexcept { return member_->shard(); }

BackgroundShards& BackgroundShards::of_process() {
  static BackgroundShards shards;
  return shards;
}

BackgroundShards::BackgroundShards() = default;

BackgroundShards::~BackgroundShards() = default;

Result<BackgroundShards::Lease> BackgroundShards::lend() {
  const std::lock_guard lock(mutex_);
  Member* chosen = least_used();
  if (!chosen || (chosen->callers > 0 && members_.size() < shards_max)) {
    Result<std::unique_ptr<Member>> made = make();
    if (!made && !chosen) return std::unexpected(std::move(made).error());
    if (made) chosen = members_.emplace_back(std::move(*made)).get();
  }
  ++chosen->callers;
  return Lease(*this, *chosen);
}

Result<Shard*> BackgroundShards::of_submitted() {
  const std::lock_guard lock(mutex_);
  if (!of_submitted_) {
    Result<std::unique_ptr<Member>> made = make();
    if (!made) return std::unexpected(std::move(made).error());
    of_submitted_ = std::move(*made);
  }
  return &of_submitted_->shard();
}

/// The first member with the fewest callers; null if there is no member.
BackgroundShards::Member* BackgroundShards::least_used() const noexcept {
  const auto least =
      std::ranges::min_element(members_, {}, [](const auto& member) { return member->callers; });
  return least == members_.end() ? nullptr : least->get();
}

Result<std::unique_ptr<BackgroundShards::Member>> BackgroundShards::make() {
  Result<std::unique_ptr<Io>> io = make_io();
  if (!io) return std::unexpected(std::move(io).error());
  try {
    return std::make_unique<Member>(*std::move(io));
  } catch (const std::system_error& error) {
    return std::unexpected(
        thread_failure("cannot start a thread for a background shard", error.code().value()));
  }
}

}  // namespace ringrpc
