/// The shards of a process: threads, each with a Shard that it makes, runs and destroys.
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
  /// Makes a backend; called on the shard's own thread, once for each.
  using MakeIo = std::function<Result<std::unique_ptr<Io>>()>;

  /// Starts `count` shards; 0 takes one for each core that the process may use. Where each core gets one, each
  /// is pinned to its core. Otherwise the kernel places them better: fewer would meet those of another such
  /// process on the same cores while the rest are idle, more have to share, and a quota knows no cores. `spin`
  /// is that of each shard; there is none where there are more shards than cores' time. Fails with the
  /// backend's status, and leaves nothing running, when one cannot be had.
  static Result<std::unique_ptr<Shards>> start(
      unsigned count, const MakeIo& make_io = [] { return ringrpc::make_io(); },
      Nanoseconds spin = Nanoseconds::zero());

  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;
  /// Stops and joins them. What was made on a shard must be gone by then; mail not delivered is destroyed,
  /// unrun. A shard is destroyed when all have stopped, so the last turn of each may still post to any.
  ~Shards();

  /// By index; valid as long as this lives.
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
