#include "reactor/shards.h"

#include <algorithm>
#include <optional>
#include <pthread.h>
#include <string>
#include <system_error>
#include <utility>

#include "base/thread_failure.h"
#include "reactor/cpus.h"

namespace ringrpc {

Shards::Shards(unsigned count) : shards_(count), failures_(count), made_(count), stopped_(count + 1) {}

Result<std::unique_ptr<Shards>> Shards::start(unsigned count, const MakeIo& make_io, Nanoseconds spin) {
  const std::vector<unsigned> cpus = allowed_cpus();
  const unsigned usable = usable_cpu_count();
  if (count == 0) count = usable;
  if (!have_cores(count, cpus.size(), cpu_quota())) spin = Nanoseconds::zero();
  const bool pinned = count == cpus.size() && usable == cpus.size();
  std::unique_ptr<Shards> shards(new Shards(count));
  try {
    for (unsigned i = 0; i < count; ++i) {
      const int cpu = pinned ? static_cast<int>(cpus[i]) : -1;
      shards->threads_.emplace_back(
          [&shards = *shards, i, cpu, &make_io, spin] { shards.serve(i, cpu, make_io, spin); });
    }
  } catch (const std::system_error& error) {
    const auto missing = static_cast<std::ptrdiff_t>(count - shards->threads_.size());
    shards->made_.count_down(missing);
    shards->stopped_.count_down(missing);
    shards->failures_.back() =
        thread_failure("cannot start " + std::to_string(count) + " shard threads", error.code().value());
  }
  shards->made_.wait();
  const auto failed =
      std::ranges::find_if(shards->failures_, [](const Status& status) { return !status.ok(); });
  shards->go_ = failed == shards->failures_.end();
  shards->decided_.count_down();
  if (!shards->go_) return std::unexpected(*failed);
  return shards;
}

Shards::~Shards() {
  if (go_)
    for (Shard* shard : shards_) shard->stop();
  // Wait for all of them here: the last shard must not be destroyed while it is being stopped.
  stopped_.count_down();
}

void Shards::serve(unsigned index, int cpu, const MakeIo& make_io, Nanoseconds spin) {
  ::pthread_setname_np(::pthread_self(), ("shard-" + std::to_string(index)).c_str());
  // A shard that cannot be pinned works all the same.
  if (cpu >= 0) (void)pin_this_thread(static_cast<unsigned>(cpu));
  std::optional<Shard> shard;
  if (Result<std::unique_ptr<Io>> io = make_io()) {
    shards_[index] = &shard.emplace(index, *std::move(io), spin);
  } else {
    failures_[index] = std::move(io).error();
  }
  made_.count_down();
  decided_.wait();
  if (go_) shard->run();
  stopped_.arrive_and_wait();
}

}  // namespace ringrpc
