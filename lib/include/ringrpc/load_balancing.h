/// Policies by which a channel chooses among the addresses of its target: those to connect to, and the one
/// for a call.
///
///   Channel channel("dns:///orders.example:443", {.balancing = round_robin()});
///
/// The policies that ship: `pick_first` (the default), `round_robin`, `least_request` and
/// `ring_hash`; and two that change another one: `outlier_detection` and `random_subsetting`. A
/// service config can choose them, too (ringrpc/service_config.h). A policy of your own is a
/// BalancingPolicy that makes a Balancer for each shard:
///
///   class Nearest final : public Balancer {
///    public:
///     void update(std::span<Backend* const> backends) override {
///       backends_.assign(backends.begin(), backends.end());
///     }
///     void on_state(Backend&) noexcept override {}
///     void connect() noexcept override { for (Backend* each : backends_) each->connect(); }
///     Connectivity state() const noexcept override { return joint_state(backends_); }
///     Backend* pick(const PickedCall&) noexcept override { ... }
///     ...
///   };
///
/// Each shard that makes calls connects for itself. So a channel has at most backends × shards ×
/// `max_connections` connections, and `pick_first` has only one backend.
#pragma once

#include "ringrpc/compiler.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ringrpc/clock.h"
#include "ringrpc/connectivity.h"
#include "ringrpc/export.h"
#include "ringrpc/metadata.h"

namespace ringrpc {

class BalancingPolicy;
class CallRequest;

/// Calls that have ended.
struct CallCounts {
  std::uint64_t all = 0;     ///< with any status
  std::uint64_t failed = 0;  ///< of these, with another status than OK, or cut
};

/// One address of a channel on one shard.
///
///   idle ──▶ connecting ──▶ ready ──▶ idle       the last connection that takes calls ends
///                │          ▲   │
///                ▼          │   ▼
///               transient_failure                attempts go on by themselves, with the backoff between them
///
/// A backend that has failed stays in transient failure until it is ready, so that calls do not wait for each
/// of its attempts (gRFC A62).
///
/// If the channel checks the health of its servers (gRFC A17), a backend is ready only while its server says
/// that it serves. It is connecting until that is known, and in transient failure otherwise.
class Backend {
 public:
  /// As the resolver gave it, "10.0.0.7:50051".
  virtual const std::string& address() const noexcept = 0;
  /// As of the last event of this turn.
  virtual Connectivity state() const noexcept = 0;
  /// True if a call would be sent at once, because a connection has a free stream.
  virtual bool has_room() const noexcept = 0;
  /// The calls on its connections.
  virtual std::size_t calls_in_flight() const noexcept = 0;
  /// The calls that have ended on its connections so far.
  virtual CallCounts calls_ended() const noexcept = 0;
  /// Begins to connect, if it is idle.
  virtual void connect() noexcept = 0;
  /// It is not needed: stops connecting, and ends its connections as they become idle. It is idle from
  /// then on, until `connect`.
  virtual void release() noexcept = 0;
  /// The policy uses it again, or uses it no more: in this turn the channel reads the policy's state, and
  /// calls that wait are picked for again.
  virtual void pick_again() noexcept = 0;

 protected:
  ~Backend() = default;
};

/// A call that needs a backend.
class RINGRPC_EXPORT PickedCall {
 public:
  /// For tests of policies too. `request` must outlive this.
  explicit PickedCall(const CallRequest& request) noexcept : request_(request) {}
  /// "/package.Service/Method".
  std::string_view path() const noexcept;
  /// Of the request, without the fields that the library adds.
  const Metadata& metadata() const noexcept;

 private:
  const CallRequest& request_;
};

/// A policy at work on one shard. It is called by the channel only, in the turns of that shard, never from
/// inside one of its own calls of a Backend, except that `connect` and `release` may call `on_state`.
class RINGRPC_EXPORT Balancer {
 public:
  virtual ~Balancer() = default;

  /// The backends are these from now on, in the order of the resolver; none twice. Those that are missing are
  /// destroyed after this returns. If this throws std::bad_alloc, nothing may have changed.
  virtual void update(std::span<Backend* const> backends) = 0;
  /// A service config has brought `policy`. True if this balancer follows that from now on and keeps what it has
  /// found out; `update` comes next. False, without a change, if the policy must make another balancer. May throw
  /// std::bad_alloc; then nothing may have changed.
  virtual bool follow(const BalancingPolicy& /*policy*/) { return false; }
  /// The state of `backend` has changed.
  virtual void on_state(Backend& backend) noexcept = 0;
  /// Called when a call waits and either the policy is idle, or `pick` gave none although every ready backend
  /// has room.
  virtual void connect() noexcept = 0;
  /// The state of the channel while it has backends. Calls wait while it is connecting; in transient failure
  /// those without `wait_for_ready` for which `pick` gives no backend with room fail. It may change in
  /// `update`, `on_state`, `connect` and `pick`; at other times `Backend::pick_again` tells the channel.
  virtual Connectivity state() const noexcept = 0;
  /// The backend for a call, which waits if that has no room. Null if the call must wait for any. Calls that
  /// wait are picked for again, in their order, when something has changed.
  virtual Backend* pick(const PickedCall& call) noexcept = 0;
  /// True if the backend depends on the call. Then a call whose backend has no room does
  /// not hold up those behind it.
  virtual bool chooses_by_call() const noexcept { return false; }
  /// True if a backend whose server says that it does not serve should be in transient failure. A policy that
  /// wraps another one returns that policy's value.
  virtual bool checks_health() const noexcept { return true; }
};

/// The state of a policy that uses all of these backends: the best of ready, connecting, idle and transient
/// failure, in this order. Without backends it is transient failure.
RINGRPC_EXPORT Connectivity joint_state(std::span<Backend* const> backends) noexcept;

/// Makes the balancers of a channel. Any number of channels may share it.
class RINGRPC_EXPORT BalancingPolicy {
 public:
  virtual ~BalancingPolicy() = default;
  /// The balancer of the shard whose turn runs on this thread. From several shards at the same time.
  virtual std::unique_ptr<Balancer> make() const = 0;
};

/// The options of `pick_first`.
struct PickFirstOptions {
  /// Tries the addresses in a random order, so that the clients of a list spread over it (gRFC A62).
  bool shuffle = false;
};

/// Uses the first address that responds. They are tried in their order, IPv6 and IPv4 taking turns, each 250
/// ms after the last or as soon as that has failed (gRFC A61, RFC 8305). When the connection is lost, the
/// next call tries all of them again.
RINGRPC_EXPORT std::shared_ptr<const BalancingPolicy> pick_first(const PickFirstOptions& options = {});

/// Connects to all addresses, and has those that are ready take turns. One whose streams are
/// all in use is passed over.
RINGRPC_EXPORT std::shared_ptr<const BalancingPolicy> round_robin();

/// Connects to all addresses. Each call draws `choices` of the ready ones at random and goes to the
/// one with the fewest calls of this shard in flight (gRFC A48). Fewer than 2 choices count
/// as 2, more than 10 as 10.
RINGRPC_EXPORT std::shared_ptr<const BalancingPolicy> least_request(unsigned choices = 2);

/// The options of `ring_hash`.
struct RingHashOptions {
  /// The metadata that calls are hashed by, in lower case; its values are joined by commas. A call without
  /// it, and every call if this is empty, goes to any backend.
  std::string header{};
  /// The least places on the ring, rounded up so that each backend has the same number. `max_ring_size` takes
  /// precedence. Sizes above 4,096 count as 4,096.
  std::size_t min_ring_size = 1'024;
  std::size_t max_ring_size = 4'096;  ///< the most places on the ring
};

/// Sends calls with the same value of a header to the same address (gRFCs A42 and A76). All
/// implementations of gRPC choose the same one. Addresses are connected to when a call needs them. One that
/// cannot be reached is passed over, in the order of the ring. With more addresses than places on
/// the ring, some get no calls.
RINGRPC_EXPORT std::shared_ptr<const BalancingPolicy> ring_hash(const RingHashOptions& options = {});

/// The options of `outlier_detection`.
struct OutlierDetectionOptions {
  /// Ejects an address whose share of successful calls is below the mean of all by more than `stdev_factor`
  /// thousandths of their standard deviation.
  struct SuccessRate {
    unsigned stdev_factor = 1'900;          ///< thousandths of the standard deviation
    unsigned enforcement_percentage = 100;  ///< percent of the outliers that are ejected
    unsigned minimum_hosts = 5;             ///< addresses with enough calls; with fewer, nothing is ejected
    unsigned request_volume = 100;          ///< the calls in an interval that are enough
  };
  /// Ejects an address that fails more than `threshold` percent of its calls.
  struct FailurePercentage {
    unsigned threshold = 85;                ///< percent of the calls
    unsigned enforcement_percentage = 100;  ///< percent of the outliers that are ejected
    unsigned minimum_hosts = 5;             ///< addresses with enough calls; with fewer, nothing is ejected
    unsigned request_volume = 50;           ///< the calls in an interval that are enough
  };

  /// The time from one comparison of the addresses to the next.
  Nanoseconds interval = std::chrono::seconds(10);
  /// An address is ejected for this long times the number of its ejections so far. Each interval without an
  /// ejection reduces that number by one. No ejection is longer than the larger of this and
  /// `max_ejection_time`.
  Nanoseconds base_ejection_time = std::chrono::seconds(30);
  Nanoseconds max_ejection_time = std::chrono::seconds(300);  ///< the longest ejection
  /// No other address is ejected once this share of them is. The last one that is left is never ejected.
  unsigned max_ejection_percent = 10;
  std::optional<SuccessRate> success_rate{};              ///< none: success rates are not compared
  std::optional<FailurePercentage> failure_percentage{};  ///< none: failures have no threshold
};

/// Hides addresses that fail more calls than the others from `other`, for a while (gRFC A50). A call fails
/// for this purpose if it ends with another status than OK, or is cut or cancelled, for example at its
/// deadline. Without `success_rate` and `failure_percentage` nothing is ejected. A service config with other
/// options takes no address back, unless it has neither of these. A null `other` is `pick_first()`.
RINGRPC_EXPORT std::shared_ptr<const BalancingPolicy> outlier_detection(
    std::shared_ptr<const BalancingPolicy> other, const OutlierDetectionOptions& options);

/// Uses `other` with `size` of the addresses, which each shard of each client draws for itself, and which
/// stay the same as long as the name has them (gRFC A68), whatever else a service config changes. A channel
/// has at most size × shards × `max_connections` connections then.
RINGRPC_EXPORT std::shared_ptr<const BalancingPolicy> random_subsetting(
    std::size_t size, std::shared_ptr<const BalancingPolicy> other);

}  // namespace ringrpc
