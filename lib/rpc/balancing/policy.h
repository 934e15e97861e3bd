/// How a channel chooses among its backends: which of them to connect to, and which one takes a call.
///
/// A channel has a policy on each of its shards. It calls the policy from its own steps, never inside an event of a
/// connection. A policy may call `Backend::connect` at any time. Its backends do not change their states meanwhile,
/// except that an idle one is connecting then. Belongs to its shard.
#pragma once

#include <span>

#include "rpc/channelz/snapshots.h"

namespace ringrpc {

using channelz::Connectivity;

/// One address of a channel on one shard.
///
///   idle ──▶ connecting ──▶ ready ──▶ idle       the last connection that takes calls has ended, or is about to
///    ▲           │            │
///    │           ▼            ▼
///    └──── transient_failure ◀┘                  until the backoff is over
class Backend {
 public:
  virtual Connectivity state() const noexcept = 0;
  /// Connects, if it is idle.
  virtual void connect() noexcept = 0;

 protected:
  ~Backend() = default;
};

class Policy {
 public:
  virtual ~Policy() = default;

  /// The backends are these now, in the order in which they were resolved. Those that are missing are destroyed after
  /// this returns. The span is valid until then. If this throws, nothing has changed.
  virtual void update(std::span<Backend* const> backends) = 0;
  /// The state of `backend` has changed.
  virtual void on_state(Backend& backend) noexcept = 0;
  /// A call waits, and every backend is idle or has failed.
  virtual void connect() noexcept = 0;
  /// The backend that takes the next call, which waits if that has no room. Null if none is ready.
  virtual Backend* pick() noexcept = 0;
};

}  // namespace ringrpc
