/// The numbers of the channels of this process that have ChannelOptions::metrics.
///
///   TargetMetrics& target = TargetMetrics::of("127.0.0.1:50051");
///   const std::shared_ptr<ChannelMetrics> metrics = target.on(shard);
///   metrics->of("/echo.v1.EchoService/Echo", MethodKind::unary).start();
///   ++metrics->counts.connects_failed;
///
/// All channels of a target count together. Each shard that uses a target counts in a ChannelMetrics of its
/// own, which belongs to the shard's thread. When the shard ends, the next one that uses the target continues
/// to count in it. So no count is lost or copied, and a target has only as many of these objects as shards
/// used it at the same time.
///
/// The metrics stay until the process ends. So targets and methods are limited, because programs may take
/// their names from anywhere. Those beyond a limit count together, as "other".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ringrpc/service.h"

#include "observe/call_metrics.h"
#include "reactor/shard.h"
#include "rpc/metrics/attempt_kind.h"

namespace ringrpc {

class TargetMetrics;

/// The end of a channel's connection.
enum class ConnectionEnd : std::uint8_t {
  by_channel,  ///< the channel no longer needed it
  by_goaway,   ///< the server had sent GOAWAY
  by_loss,     ///< any other
};

/// The reason why a call waits in the queue of its channel.
enum class QueueWait : std::uint8_t {
  connection,  ///< there is none yet
  stream,      ///< the server allows no more calls on those that there are
};

/// A shard's counts of a target's channels, except those of calls.
struct ChannelCounts {
  // A call enters and leaves the queue. `now` is the time of the turn.
  void enter_queue(QueueWait wait, Instant now) noexcept {
    ++queued;
    ++waits[static_cast<std::size_t>(wait)];
    waited_ns -= as_ns(now);
  }
  void leave_queue(Instant now) noexcept {
    --queued;
    waited_ns += as_ns(now);
  }
  void end(ConnectionEnd how) noexcept { ++ends[static_cast<std::size_t>(how)]; }
  std::uint64_t open() const noexcept { return connects - ends[0] - ends[1] - ends[2]; }
  /// Adds those of a shard whose time is `now`.
  void add(const ChannelCounts& other, Instant now) noexcept;

  std::uint64_t connects = 0;  ///< connections whose SETTINGS have arrived
  std::uint64_t connects_failed = 0;
  std::array<std::uint64_t, 3> ends{};  ///< of the connections, by ConnectionEnd
  std::uint64_t queued = 0;             ///< calls that wait for a connection or a stream now
  std::array<std::uint64_t, attempt_kinds> further_attempts{};  ///< of calls, by AttemptKind (gRFC A6)
  std::uint64_t throttled = 0;           ///< further attempts that `retryThrottling` has prevented
  std::array<std::uint64_t, 2> waits{};  ///< calls that had to queue, by QueueWait
  std::uint64_t refused = 0;             ///< calls that found the queue full
  /// The times at which calls left the queue, minus those at which they entered it, modulo 2^64. In a sum:
  /// how long calls have waited, also those that still wait.
  std::uint64_t waited_ns = 0;

 private:
  static std::uint64_t as_ns(Instant time) noexcept {
    return static_cast<std::uint64_t>(Nanoseconds(time.time_since_epoch()).count());
  }
};

/// A target's channels on one shard.
class ChannelMetrics {
 public:
  /// Paths beyond these count together.
  static constexpr std::size_t methods_max = 1'000;

  struct Method {
    std::string path;
    MethodKind kind;
    std::string labels;
    CallMetrics calls;
    CallMetrics attempts;  ///< of the calls: without the messages
  };

  explicit ChannelMetrics(TargetMetrics& target);

  /// Of that method's calls. Those of paths that are no "/package.Service/Method" count together
  /// with those beyond the limit, and with those for which there was no memory. The reference stays
  /// valid until the process ends.
  Method& of(std::string_view path, MethodKind kind) noexcept;

  const TargetMetrics& target() const noexcept { return target_; }
  /// The first is that of all other paths.
  const std::deque<Method>& methods() const noexcept { return methods_; }

  ChannelCounts counts;

 private:
  friend class TargetMetrics;
  struct Key {
    std::string_view path;
    MethodKind kind;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<std::string_view>()(key.path) + static_cast<std::size_t>(key.kind);
    }
  };

  Method& add(std::string_view path, MethodKind kind);

  TargetMetrics& target_;
  std::deque<Method> methods_;
  std::unordered_map<Key, Method*, Hash> index_;
  Shard* shard_ = nullptr;  // which counts here; null while none does. Guarded by the mutex of all targets
};

/// The channels of one target. Lives until the process ends; may be used from any thread.
class TargetMetrics {
 public:
  /// Targets beyond these count together.
  static constexpr std::size_t targets_max = 1'000;

  explicit TargetMetrics(std::string_view target);

  static TargetMetrics& of(std::string_view target);

  /// The numbers of `shard`, on its thread. They belong to it as long as any copy of the pointer exists, and
  /// the shard keeps one until it ends.
  std::shared_ptr<ChannelMetrics> on(Shard& shard);

  /// The label "target".
  const std::string& label() const noexcept { return label_; }
  /// The target as a URI, without TLS: "dns:///localhost:50051", "unix:/run/x.sock" (gRFC A66, grpc.target).
  const std::string& uri() const noexcept { return uri_; }

  /// The numbers of all targets and shards, to be read with `owner_of`, and their total number of methods.
  struct Parts {
    std::vector<ChannelMetrics*> all;
    std::size_t methods = 0;
  };
  static Parts parts();
  /// The shard that counts in `metrics`; null if there is none. The shard does not end, and no other begins
  /// to count there, while the lock of `mutex` is held.
  static Shard* owner_of(const ChannelMetrics& metrics) noexcept { return metrics.shard_; }
  static std::mutex& mutex() noexcept;

 private:
  friend class ChannelMetrics;
  struct All;
  static All& all() noexcept;
  static void count_method() noexcept;
  std::shared_ptr<ChannelMetrics> lease(Shard& shard);

  const std::string label_;
  const std::string uri_;
  std::vector<std::unique_ptr<ChannelMetrics>> parts_;  // guarded by the mutex
};

}  // namespace ringrpc
