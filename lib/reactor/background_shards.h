/// Shards for threads that have none: block_on runs tasks here, and submit does.
///
///   Result<BackgroundShards::Lease> lease = BackgroundShards::of_process().lend();
///   if (!lease) return lease.error();
///   lease->shard().post(...);
///
/// A thread that blocks has a shard to itself, so that no task of another thread delays its own. The shard of
/// the lowest index that is free is lent first: threads that block one after the other use the same one, and
/// with it the same connections. `shards_max` shards are made at most, as they are needed; beyond that, and
/// where the system has no resources for another, threads share the shard that has the fewest of them.
/// Submitted tasks have a shard of their own, which they share.
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

  /// A shard while a thread blocks.
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

  /// Fails with the backend's status, or with RESOURCE_EXHAUSTED where no thread can be had.
  Result<Lease> lend();
  /// The shard of submitted tasks. Fails likewise.
  Result<Shard*> of_submitted();

 private:
  static Result<std::unique_ptr<Member>> make();
  Member* least_used() const noexcept;

  std::mutex mutex_;
  std::vector<std::unique_ptr<Member>> members_;
  std::unique_ptr<Member> of_submitted_;
};

}  // namespace ringrpc
