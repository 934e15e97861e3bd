/// What the shards of one channel have in common: the target, the options, and who they are.
///
/// Each shard that makes a call keeps a ChannelCore under the address of this object (Shard::keep), so a call
/// finds its core without a lock. The lock here guards the list of those shards: it is taken when a core
/// comes or goes, and when the channel ends.
///
/// A shard is on the list as long as it has a core, and a core is gone before its shard is: so mail may be
/// posted to any shard on the list while the lock is held.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ringrpc/channel.h"

#include "http2/session_limits.h"
#include "reactor/shard.h"
#include "transport/address.h"

namespace ringrpc {

class ChannelCore;
class TlsTickets;

class ChannelShared final : public std::enable_shared_from_this<ChannelShared> {
 public:
  ChannelShared(std::string target, const ChannelOptions& options);

  const std::string& target() const noexcept { return target_; }
  /// The target understood, or what is wrong with it.
  const Result<Address>& address() const noexcept { return address_; }
  const std::string& authority() const noexcept { return authority_; }
  /// Of requests: "https" over TLS.
  std::string_view scheme() const noexcept { return tls_ ? "https" : "http"; }
  /// A connection of this channel on `carrier`: as it is, or through TLS.
  std::unique_ptr<ByteStream> secure(Shard& shard, std::unique_ptr<ByteStream> carrier) const;
  const ChannelOptions& options() const noexcept { return options_; }

  /// The core of `shard`, on its thread; made when there is none. CANCELLED when the channel has ended.
  Result<ChannelCore*> core(Shard& shard);
  /// The core of `shard` is going.
  void remove(Shard& shard, std::uint64_t calls_cut) noexcept;

  /// Destroys all cores: that of this thread's shard at once, others by mail.
  void drop() noexcept;
  /// Closes all cores of `shared`; ends when none is left. Gives how many calls were cut.
  static Task<std::uint64_t> close(std::shared_ptr<ChannelShared> shared, Nanoseconds patience);

 private:
  /// Somebody who waits for the last core to go; touched on its own shard only, but for the letter.
  struct Wait {
    Shard* home;
    std::coroutine_handle<> waiting;
    Shard::SealedMail letter{};  // that all are gone
  };
  /// A shard that has a core.
  struct Home {
    Shard* shard;
    Shard::SealedMail dropping;  // for the day when the channel ends
  };
  class WaitForAll;

  Shard::SealedMail seal_dropping(Shard& shard);
  void begin_close(Nanoseconds patience);

  const std::string target_;
  const ChannelOptions options_;
  Result<Address> address_;
  std::shared_ptr<const ClientTls> tls_;  // null for plaintext
  std::string server_name_;               // of the certificate
  std::shared_ptr<TlsTickets> tickets_;   // of that server, for all connections of all shards
  std::string authority_;

  std::mutex mutex_;
  std::vector<Home> homes_;
  std::vector<std::shared_ptr<Wait>> waits_;
  std::uint64_t calls_cut_ = 0;
  bool closed_ = false;
};

}  // namespace ringrpc
