/// One connection of a channel: calls become requests. Belongs to its shard and to its channel.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/lifetime.h"
#include "rpc/client/client_call.h"
#include "rpc/connection/connection.h"
#include "rpc/connection/keepalive.h"

namespace ringrpc {

class ChannelCore;

class ClientConnection final : public Connection, private http2::SessionEvents {
 public:
  ClientConnection(ChannelCore& channel, std::unique_ptr<ByteStream> stream);

  /// Ends its calls; the connection is of no more use.
  void detach_calls(const Status& status) noexcept;
  /// How many calls have a stream here.
  std::size_t calls() noexcept;

  /// A call whose stream was opened here.
  void join(ClientCallImpl& call) noexcept {
    calls_.push_back(call);
    ++streams_opened_;
    keepalive_.on_call();
  }
  /// A request that was refused before it had left.
  void count_unsent() noexcept { ++streams_unsent_; }
  void join_batch(ClientCallImpl& call) noexcept {
    if (!call.ListNodeOf<ClientBatchTag>::linked()) batch_.push_back(call);
  }

  /// Tells the server that no more calls will come; ends when those under way have.
  void retire();
  /// Ends at once, its calls with `why`, which names the address.
  void give_up(Status why) override;

  /// Whether the peer's SETTINGS have arrived, and since when.
  bool ready() const noexcept { return ready_since_ != never; }
  Instant ready_since() const noexcept { return ready_since_; }
  /// Whether it takes no more calls: somebody has said goodbye, or the ids of streams are used up.
  bool leaving() const noexcept { return leaving_ || streams_opened_ >= streams_max; }
  bool retired() const noexcept { return retired_; }
  bool usable() const noexcept { return ready() && !leaving(); }
  /// Whether a call may be attached now.
  bool has_room() const noexcept { return usable() && session().open_capacity() > 0; }
  bool idle() const noexcept { return session().open_streams() == 0; }
  /// Whether any call was ever attached, other than those that a goodbye has kept from leaving.
  bool took_calls() const noexcept { return streams_opened_ > streams_unsent_; }

  /// The channel's note of when the last call ended; `never` while there is one.
  Instant idle_since = never;
  /// The channel's note that this connection was opened because the server had turned the last one away.
  bool second_chance = false;

 private:
  /// A client's streams have odd ids of 31 bits (RFC 9113, 5.1.1).
  static constexpr std::uint32_t streams_max = std::uint32_t{1} << 30;

  bool on_batch() noexcept override;
  void on_lost(const Status& why) noexcept override;
  Status lost(const Status& why) const;

  void on_capacity() override;
  void on_goaway(std::uint32_t last_stream_id, http2::ErrorCode code, std::string_view debug) override;
  void on_ping_ack(std::uint64_t) override {}
  void on_settings() override;

  ChannelCore& channel_;
  Keepalive keepalive_;
  ListOf<ClientCallImpl, ClientCallTag> calls_;
  ListOf<ClientCallImpl, ClientBatchTag> batch_;
  Instant ready_since_ = never;
  std::uint32_t streams_opened_ = 0;
  std::uint32_t streams_unsent_ = 0;  // of these, refused before they had left
  bool leaving_ = false;
  bool retired_ = false;
  bool given_up_ = false;
  std::string goodbye_;  // why the server says goodbye, when it is not in good order
  Lifetime lifetime_;
};

}  // namespace ringrpc
