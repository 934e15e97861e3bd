/// Finds the addresses behind a name, for channels whose targets have a scheme of the application's own.
///
///   class Inventory final : public Resolver {
///     Task<Result<Resolution>> resolve(ResolveRequest request) override {
///       co_return Resolution{.addresses = {{.address = "10.0.0.7:50051"}, {.address = "unix:/run/near.sock"}},
///                            .valid_for = 30s};
///     }
///   };
///   Channel channel("inventory:///orders", {.resolvers = {{"inventory", std::make_shared<Inventory>()}}});
///
/// A channel resolves its name on each shard that makes calls: when the first call needs a connection; when
/// `valid_for` has passed and calls are still made, `resolve_interval_min` apart; and when a connection was lost
/// or could not be made, 30 s apart. After a failure it waits as ChannelOptions::backoff says. It keeps the
/// addresses that it has until others come: a failure or an empty result takes no connection away.
#pragma once

#include "ringrpc/compiler.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ringrpc/export.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// The most addresses that a channel uses. Of more, each process draws as many at random, with a warning.
inline constexpr std::size_t resolved_addresses_max = 1'000;
/// The shortest time between two look-ups of a channel on a shard.
inline constexpr std::chrono::milliseconds resolve_interval_min{1'000};
/// A longer Resolution::valid_for counts as this.
inline constexpr std::chrono::milliseconds resolve_interval_max{300'000};

/// An address behind a name.
struct ResolvedAddress {
  /// In the form that a Channel's target has, "10.0.0.7:50051", but no host name: numbers, or a path.
  std::string address;
  /// The name that the server's certificate must have; empty for that of the channel.
  std::string server_name{};
};

/// The longest service config that a channel takes from a resolver.
inline constexpr std::size_t resolved_config_bytes_max = 16 * 1024;

/// The outcome of a look-up. Repeated addresses count once.
struct Resolution {
  std::vector<ResolvedAddress> addresses;  ///< in the order in which `pick_first` tries them
  /// From `resolve_interval_min` to `resolve_interval_max`; other values count as the nearer of these.
  std::chrono::milliseconds valid_for{30'000};
  /// The service config of the name, as JSON (ringrpc/service_config.h), at most `resolved_config_bytes_max`
  /// long. It replaces ChannelOptions::service_config. Empty if the name has none. One that is wrong, or a
  /// failure to find it, is logged and leaves the last good one in place.
  Result<std::string> service_config{};
};

/// The parts of a target "scheme://authority/name", or "scheme:name".
struct ResolveRequest {
  std::string authority;  ///< often empty
  std::string name;       ///< without the slash before it
};

/// Finds the addresses behind the names of a scheme.
class RINGRPC_EXPORT Resolver {
 public:
  virtual ~Resolver() = default;

  /// Looks the name up. Runs on the shards of the channels that use it, on several at the same time. The
  /// first look-up of a channel on a shard is cancelled after ChannelOptions::connect_timeout, by
  /// destroying the task. Later ones may take their time: a resolver that is told of changes may end
  /// when there is one. A failure or an exception fails the calls that wait, unless they
  /// `wait_for_ready`, with UNAVAILABLE and the message of the failure. So do no addresses. An address
  /// that is not valid is left out, with a warning.
  virtual Task<Result<Resolution>> resolve(ResolveRequest request) = 0;
};

}  // namespace ringrpc
