/// The part of a channel that all its shards share: the target, the options, TLS,
/// and the list of those shards.
///
/// Each shard that makes a call keeps a ShardChannel under the address of this object (Shard::keep), so a
/// call finds it without a lock. The lock here guards the list of shards: it is taken when a ShardChannel is
/// made or destroyed, and when the channel ends.
///
/// A shard is on the list as long as it has a ShardChannel, which is destroyed before the shard is. So mail
/// may be posted to any shard on the list while the lock is held.
#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ringrpc/channel.h"
#include "ringrpc/suspended.h"

#include "http2/session_limits.h"
#include "reactor/shard.h"
#include "rpc/channelz/registry.h"
#include "rpc/client/retry_throttle.h"
#include "rpc/naming/endpoint.h"
#include "rpc/naming/name_watch.h"
#include "rpc/naming/target.h"

namespace ringrpc {

class ShardChannel;
class TargetMetrics;
class TlsTickets;

class ChannelCore final : public std::enable_shared_from_this<ChannelCore> {
 public:
  ChannelCore(std::string target, const ChannelOptions& options);

  const std::string& target() const noexcept { return target_; }
  /// The target and, if it has several addresses or a name, the one that is meant:
  /// "dns:///orders:443 at 10.0.0.7:443". The address may be empty.
  std::string place(std::string_view address) const;
  /// The reason why the target or the options are invalid; OK if they are not.
  const Status& fault() const noexcept { return fault_; }
  /// The addresses of a target that has no names; empty for others.
  const std::vector<Endpoint>& endpoints() const noexcept { return endpoints_; }
  /// The resolver of a target that has names; null for others.
  Resolver* resolver() const noexcept { return resolver_.get(); }
  /// Of look-ups until one succeeds; the largest if the resolver has a timeout of its own.
  Nanoseconds first_look_up_timeout() const noexcept { return first_look_up_timeout_; }
  /// The name, for the resolver.
  NameWatch::Subject subject() const;
  const std::string& authority() const noexcept { return authority_; }
  /// The scheme of requests: "https" over TLS.
  std::string_view scheme() const noexcept { return tls_ ? "https" : "http"; }
  /// The stream of a connection on `carrier`: `carrier` itself, or TLS on it with a server of that name,
  /// unless the options of TLS have another.
  std::unique_ptr<ByteStream> secure(Shard& shard, std::unique_ptr<ByteStream> carrier,
                                     const std::string& server_name);
  const ChannelOptions& options() const noexcept { return options_; }
  RetryThrottle& retry_throttle() noexcept { return retry_throttle_; }
  /// The metrics that its calls count in; null if metrics are off.
  TargetMetrics* metrics() const noexcept { return metrics_; }
  /// True if calls have interceptors. False if the interceptors are invalid, and with them the options.
  bool intercepts() const noexcept { return intercepts_; }
  /// True if calls have interceptors or metrics.
  bool watches_calls() const noexcept { return watches_calls_; }

  /// The channel on `shard`, on its thread; made at the first call. CANCELLED when the channel has ended.
  Result<ShardChannel*> on_shard(Shard& shard);
  /// Notes in channelz that a look-up has failed, or that a service config was refused.
  void record_failure(const Status& why) noexcept {
    entity_.record(channelz::Severity::warning, why.message());
  }
  /// Shows `part` in channelz from now on.
  void introduce(channelz::Part& part) { part.join(entity_); }
  /// The channel on `shard` is being destroyed.
  void remove(Shard& shard, std::uint64_t calls_cut) noexcept;

  /// True once it was closed. Takes the lock.
  bool closed() noexcept;
  /// Destroys the channel on all shards: on this thread's shard at once, on others by mail.
  void drop() noexcept;
  /// Closes the channel on all shards; ends when none is left. Gives the number of calls that were cut.
  static Task<std::uint64_t> close(std::shared_ptr<ChannelCore> shared, Nanoseconds timeout);

 private:
  /// A wait until no shard has the channel. Used on its own shard only, except for the letter.
  struct Wait {
    Shard* home;
    Suspended waiting;
    Shard::SealedMail letter{};  // which ends the wait
  };
  /// A shard that has a ShardChannel.
  struct Home {
    Shard* shard;
    Shard::SealedMail dropping;  // for the end of the channel: made beforehand, so that it cannot fail
  };
  class WaitForAll;

  Status read(const Result<Target>& target);
  std::shared_ptr<TlsTickets> tickets_for(const std::string& server_name);
  Shard::SealedMail seal_dropping(Shard& shard);
  void begin_close(Nanoseconds timeout);

  const std::string target_;
  channelz::Entity entity_;
  const ChannelOptions options_;
  TargetMetrics* const metrics_;
  const bool intercepts_;
  const bool watches_calls_;
  Status fault_;
  std::shared_ptr<const ClientTls> tls_;  // null for plaintext
  std::string server_name_;               // that certificates must have, unless an address has its own
  Nanoseconds first_look_up_timeout_;
  std::string authority_;
  std::vector<Endpoint> endpoints_;
  std::shared_ptr<Resolver> resolver_;
  ResolveRequest request_;  // to a resolver of the application's
  RetryThrottle retry_throttle_;

  std::mutex mutex_;
  // By the names of the servers: the sessions of all connections of all shards.
  std::map<std::string, std::shared_ptr<TlsTickets>, std::less<>> tickets_;
  std::vector<Home> homes_;
  std::vector<std::shared_ptr<Wait>> waits_;
  std::uint64_t calls_cut_ = 0;
  bool closed_ = false;
};

}  // namespace ringrpc
