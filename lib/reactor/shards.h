/// The shards of a process: threads, each of which makes, runs and destroys a Shard.
///
///   Result<std::unique_ptr<Shards>> shards = Shards::start(0);
///   if (!shards) return std::unexpected(shards.error());
///   for (Shard* shard : (*shards)->all()) shard->post([...] { ... });
#pragma once

#include <functional>
#include <latch>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "ringrpc/status.h"

#include "reactor/backend.h"
#include "reactor/io.h"
#include "reactor/shard.h"

namespace ringrpc {

class Shards {
 public:
  /// Makes a backend. Called once for each shard, on the shard's own thread.
  using MakeIo = std::function<Result<std::unique_ptr<Io>>()>;

  /// Starts `count` shards; 0 means one for each core that the process may use. If there is one shard for
  /// each core, each is pinned to its core. Otherwise the kernel places them better. Fewer shards could meet
  /// those of another such process on the same cores while other cores are idle; more shards have to share
  /// cores; and a quota is not tied to cores. `spin` is the spin time of each shard. It is ignored if there
  /// are more shards than the cores and the quota have time for. If a shard cannot be started, fails with the
  /// backend's status and leaves nothing running.
  static Result<std::unique_ptr<Shards>> start(
      unsigned count, const MakeIo& make_io = [] { return ringrpc::make_io(); },
      Nanoseconds spin = Nanoseconds::zero());

  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;
  /// Stops and joins the shards. Objects made on a shard must be destroyed before; mail that was not
  /// delivered is destroyed, unrun. Shards are destroyed when all have stopped, so the last turn of each may
  /// still post to any.
  ~Shards();

  /// By index; valid as long as this object.
  std::span<Shard* const> all() const noexcept { return shards_; }

 private:
  explicit Shards(unsigned count);
  void serve(unsigned index, int cpu, const MakeIo& make_io, Nanoseconds spin);

  std::vector<Shard*> shards_;  ///< each lives in its thread's `serve`
  std::vector<Status> failures_;
  bool go_ = false;
  std::latch made_;
  std::latch decided_{1};
  std::latch stopped_;
  std::vector<std::jthread> threads_;
};

}  // namespace ringrpc
