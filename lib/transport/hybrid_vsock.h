/// Hybrid vsock of Firecracker and Cloud Hypervisor: on the host, a virtual machine's vsock is a unix socket.
///
///   std::unique_ptr<ByteStream> stream = io.adopt(std::move(fd));       // connected to the machine's socket
///   stream = std::make_unique<HybridVsockStream>(std::move(stream), shard.slabs(), port);
///
/// 1. Host to guest: the client connects to that socket and writes `CONNECT <port>\n` in one call. The
///    hypervisor responds with `OK <its port>\n` or closes. From then on the bytes are the guest's. So this
///    stream sends the line when it is started, holds back outgoing data until the response has come, and
///    passes on everything after the response's line feed, including bytes of the same read.
/// 2. Guest to host: the hypervisor connects to `<socket>_<port>`. A server listens there as on any other
///    unix socket (Address::bound).
///
/// (https://github.com/firecracker-microvm/firecracker/blob/main/docs/vsock.md)
#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/slab.h"
#include "reactor/io.h"

namespace ringrpc {

class HybridVsockStream final : public ByteStream, ByteStream::Handler {
 public:
  /// `carrier` is not started yet; `slabs` must outlive this object. If nothing listens on `port` in the
  /// guest, the hypervisor closes without a response, and receiving ends with ECONNREFUSED. Any other
  /// response ends it with EPROTO.
  HybridVsockStream(std::unique_ptr<ByteStream> carrier, SlabPool& slabs, std::uint32_t port)
      : carrier_(std::move(carrier)), slabs_(slabs), port_(port) {}

  void start(ByteStream::Handler& handler) override;
  void pause_receiving() override;
  void resume_receiving() override;
  void send(Chain chain) override;
  void shutdown_send() override;
  SocketAddress peer() const override { return carrier_->peer(); }
  int descriptor() const noexcept override { return carrier_->descriptor(); }

 private:
  enum class Phase : std::uint8_t { asking, open, failed };

  /// `asking` ends once, in either of the others.
  void enter(Phase next) noexcept {
    assert(phase_ == Phase::asking && next != Phase::asking);
    phase_ = next;
  }

  void on_received(Bytes bytes) override;
  void on_receive_end(int error) override;
  void on_sent(int error) override;
  void on_response(Bytes rest);
  void fail(int error);
  void let_go();

  std::unique_ptr<ByteStream> carrier_;
  SlabPool& slabs_;
  std::uint32_t port_;
  ByteStream::Handler* handler_ = nullptr;
  Phase phase_ = Phase::asking;
  bool asked_ = false;    ///< the CONNECT line has been sent
  bool paused_ = false;   ///< the handler has paused; the response is received all the same
  bool ending_ = false;   ///< shutdown_send was called
  std::string response_;  ///< the response as far as it has arrived
  std::optional<Chain> held_;
};

}  // namespace ringrpc
