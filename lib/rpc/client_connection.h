/// One connection of a channel: calls become requests. Belongs to its shard and to its channel.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "rpc/client_call.h"
#include "rpc/connection.h"

namespace ringrpc {

class ChannelCore;

class ClientConnection final : public Connection, private http2::Events {
 public:
  ClientConnection(ChannelCore& channel, std::unique_ptr<ByteStream> stream);
  ~ClientConnection() override;

  /// Ends its calls; the connection is of no more use.
  void detach_calls(const Status& status);

  /// A call whose stream was opened here.
  void join(ClientCallImpl& call) noexcept {
    calls_.push_back(call);
    took_calls_ = true;
  }
  void join_batch(ClientCallImpl& call) noexcept {
    if (!call.ListNodeOf<ClientBatchTag>::linked()) batch_.push_back(call);
  }

  /// Whether new calls may be attached: the peer's SETTINGS arrived, and it has not said goodbye.
  bool usable() const noexcept { return ready_ && !leaving_; }
  bool leaving() const noexcept { return leaving_; }
  /// Whether any call was ever attached.
  bool took_calls() const noexcept { return took_calls_; }

 private:
  bool on_batch() override;
  void on_lost(const Status& why) override;

  void on_headers(http2::Stream& stream) override;
  void on_data(http2::Stream& stream, Bytes bytes) override;
  void on_trailers(http2::Stream& stream) override;
  void on_end(http2::Stream& stream) override;
  void on_writable(http2::Stream& stream) override;
  void on_closed(http2::Stream& stream, http2::ErrorCode code, bool by_peer) override;
  void on_goaway(std::uint32_t last_stream_id, http2::ErrorCode code, std::string_view debug) override;
  void on_ping_ack(std::uint64_t) override {}
  void on_settings() override;

  ChannelCore& channel_;
  ListOf<ClientCallImpl, ClientCallTag> calls_;
  ListOf<ClientCallImpl, ClientBatchTag> batch_;
  bool ready_ = false;
  bool leaving_ = false;
  bool took_calls_ = false;
  bool* destroyed_ = nullptr;  // set by the destructor while calls are being woken
};

}  // namespace ringrpc
