/// One connection of a channel, and the attempts of calls that have a stream on it.
/// Belongs to its subchannel.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/lifetime.h"
#include "rpc/client/call_attempt.h"
#include "rpc/client/peer_name.h"
#include "rpc/connection/connection.h"
#include "rpc/connection/keepalive.h"

namespace ringrpc {

class ShardChannel;
class Subchannel;

/// `second`: the server sent GOAWAY on its last connection before it took a call, and is tried again at once.
enum class Chance : std::uint8_t { first, second };

class ClientConnection final : public Connection, private http2::SessionEvents {
 public:
  ClientConnection(Subchannel& subchannel, std::unique_ptr<ByteStream> stream, Chance chance);

  /// Ends its attempts. The connection cannot be used afterwards.
  void detach_attempts(const Status& status) noexcept;
  /// The number of attempts under way.
  std::size_t attempts() noexcept;

  /// An attempt has opened a stream here.
  void join(CallAttempt& attempt) noexcept {
    attempts_.push_back(attempt);
    ++counts().streams_started;
    keepalive_.on_call();
  }
  /// A request was refused before it was sent.
  void count_unsent() noexcept { ++streams_unsent_; }
  /// A call has ended with a status from the server that is not OK, as the stream has ended.
  void count_failed_call() noexcept { ++calls_failed_; }
  std::uint32_t calls_failed() const noexcept { return calls_failed_; }
  /// Wakes the attempt's call when the present batch of input ends.
  void join_batch(CallAttempt& attempt) noexcept {
    if (!attempt.ListNodeOf<AttemptBatchTag>::linked()) batch_.push_back(attempt);
  }

  /// Sends GOAWAY: no more calls will be made here. The connection ends with the last of those under way.
  void retire();
  /// Ends the connection at once, and its calls with `why`, which names the address.
  void abandon(Status why) override;

  /// True once the peer's SETTINGS have arrived, and the time at which they did.
  bool ready() const noexcept { return ready_since_ != never; }
  Instant ready_since() const noexcept { return ready_since_; }
  /// True once it takes no more calls: either side has sent GOAWAY, or the stream ids are used up.
  bool leaving() const noexcept { return goaway_ != Goaway::none || streams_opened() >= streams_max; }
  bool retired() const noexcept { return goaway_ == Goaway::sent; }
  bool usable() const noexcept { return ready() && !leaving(); }
  /// True if a stream may be opened now.
  bool has_room() const noexcept { return usable() && session().open_capacity() > 0; }
  bool idle() const noexcept { return session().open_streams() == 0; }
  /// True once any request has left for the server. A GOAWAY stops those that were not sent yet.
  bool took_calls() const noexcept { return streams_opened() > streams_unsent_; }

  Chance chance() const noexcept { return chance_; }
  const PeerName& peer_name() const noexcept;

  /// The subchannel's note of when the last call ended; `never` while there is one.
  Instant idle_since = never;

 private:
  /// A client's streams have odd ids of 31 bits (RFC 9113, 5.1.1).
  static constexpr std::uint32_t streams_max = std::uint32_t{1} << 30;

  std::uint32_t streams_opened() const noexcept { return counts().streams_started; }

  /// A connection on which we have sent GOAWAY is `sent`, even if the server sends one too.
  enum class Goaway : std::uint8_t { none, received, sent };

  bool on_batch() noexcept override;
  void on_lost(const Status& why) noexcept override;
  Status lost(const Status& why) const;
  void log_end(const Status& why) noexcept;

  void on_capacity() override;
  void on_goaway(std::uint32_t last_stream_id, http2::ErrorCode code, std::string_view debug) override;
  void on_ping_ack(std::uint64_t) override {}
  void on_settings() override;

  Subchannel& subchannel_;
  ShardChannel& channel_;
  const Chance chance_;
  Keepalive keepalive_;
  ListOf<CallAttempt, AttemptTag> attempts_;
  ListOf<CallAttempt, AttemptBatchTag> batch_;
  Instant ready_since_ = never;
  std::uint32_t calls_failed_ = 0;
  std::uint32_t streams_unsent_ = 0;  // of those opened, refused before they had left
  Goaway goaway_ = Goaway::none;
  bool abandoned_ = false;
  std::string goaway_reason_;  // of the server's GOAWAY, unless that is NO_ERROR
  Lifetime lifetime_;
};

}  // namespace ringrpc
