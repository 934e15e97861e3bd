/// Follows the addresses of a name, for one channel on one shard.
///
///   NameWatch watch(shard, resolver, subject, times, handler);
///   watch.look();                 // on_names follows
///   watch.doubt();                // a connection was lost: the addresses may have changed
///
/// 1. `look` begins a look-up, if that may be: not while one is under way, nor before the last result has
///    expired, nor during the backoff after a failure.
///    A doubt has the name looked up again `doubt_interval_min` after the last time at the earliest.
/// 2. `on_look_due` says that it may be. The handler calls `look` then if it makes calls, or with the next
///    call. So a channel without calls asks nobody.
///
/// Belongs to its shard.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "ringrpc/channel.h"
#include "ringrpc/resolver.h"

#include "reactor/shard.h"
#include "rpc/naming/backoff_state.h"
#include "rpc/naming/endpoint.h"

namespace ringrpc {

/// The shortest time from a look-up to one because of a doubt, as in the other implementations of gRPC: a server
/// that stays away has its name looked up no more often.
inline constexpr Nanoseconds doubt_interval_min = std::chrono::seconds(30);

class NameWatch final : TaskObserver, Ready, Timer {
 public:
  struct Found {
    std::vector<Endpoint> endpoints;     ///< at least one
    Result<std::string> service_config;  ///< as Resolution has it
  };
  class Handler {
   public:
    /// The addresses and service config of the name, or UNAVAILABLE if the look-up failed.
    virtual void on_names(Result<Found> found) noexcept = 0;
    /// `look` would begin a look-up now.
    virtual void on_look_due() noexcept = 0;

   protected:
    ~Handler() = default;
  };

  struct Subject {
    std::string target;       ///< for messages
    std::string server_name;  ///< of addresses that have no other
    ResolveRequest request;
  };
  struct Times {
    Nanoseconds first_timeout;  ///< of look-ups until one succeeds; the largest for none
    ConnectBackoff backoff;
  };

  /// The handler is called from the shard's loop, never inside a call of these.
  NameWatch(Shard& shard, Resolver& resolver, Subject subject, const Times& times, Handler& handler);
  NameWatch(const NameWatch&) = delete;
  NameWatch& operator=(const NameWatch&) = delete;
  ~NameWatch() override = default;

  void look() noexcept;
  void doubt() noexcept;
  /// Stops a look-up that is under way.
  void stop() noexcept;

  /// A look-up is under way.
  bool looking() const noexcept { return task_.valid(); }
  /// The last look-up has failed, and it is too soon for another.
  bool backing_off() const noexcept { return !backoff_.over(shard_.now()); }

 private:
  Task<Result<Found>> find();
  Status add(const ResolvedAddress& address, std::vector<Endpoint>& to) const;

  void wait_until(Instant when) noexcept;
  void take(Result<Found> found) noexcept;
  Status failure(const Status& why) const noexcept;
  void on_task_done() override { shard_.ready().push(*this); }
  void run() override;
  void on_time() override;

  Shard& shard_;
  Resolver& resolver_;
  const Subject subject_;
  const Times times_;
  Handler& handler_;
  Task<Result<Found>> task_;
  BackoffState backoff_;
  bool known_ = false;              // a look-up has succeeded
  Instant began_ = Instant::min();  // the latest look-up
  Instant next_ = Instant::min();   // when the next one may begin
  Nanoseconds valid_for_{};         // the addresses of the latest
};

}  // namespace ringrpc
