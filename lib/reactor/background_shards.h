/// Shards for threads that have none. block_on and submit run tasks here.
///
///   Result<BackgroundShards::Lease> lease = BackgroundShards::of_process().lend();
///   if (!lease) return lease.error();
///   lease->shard().post(...);
///
/// A blocking thread has a shard to itself, so that no task of another thread delays its own. The free shard
/// with the lowest index is lent first: threads that block one after the other use the same shard, and with
/// it the same connections. Shards are made as they are needed, at most `shards_max`. Beyond that, or if the
/// system has no resources for another, threads share the shard that has the fewest of them. Submitted tasks
/// share one more shard of their own.
///
/// From any thread. The shards end with the process.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "ringrpc/status.h"

#include "reactor/shard.h"

namespace ringrpc {

class BackgroundShards {
  class Member;

 public:
  static constexpr std::size_t shards_max = 64;

  /// Lends a shard while a thread blocks.
  class Lease {
   public:
    Lease(Lease&& other) noexcept : shards_(std::exchange(other.shards_, nullptr)), member_(other.member_) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease();

    Shard& shard() const noexcept;

   private:
    friend BackgroundShards;
    Lease(BackgroundShards& shards, Member& member) noexcept : shards_(&shards), member_(&member) {}

    BackgroundShards* shards_;
    Member* member_;
  };

  static BackgroundShards& of_process();

  BackgroundShards();
  BackgroundShards(const BackgroundShards&) = delete;
  BackgroundShards& operator=(const BackgroundShards&) = delete;
  ~BackgroundShards();

  /// Fails with the backend's status, or with RESOURCE_EXHAUSTED if no thread can be started.
  Result<Lease> lend();
  /// The shard of submitted tasks. Fails like `lend`.
  Result<Shard*> of_submitted();

 private:
  static Result<std::unique_ptr<Member>> make();
  Member* least_used() const noexcept;

  std::mutex mutex_;
  std::vector<std::unique_ptr<Member>> members_;
  std::unique_ptr<Member> of_submitted_;
};

}  // namespace ringrpc
