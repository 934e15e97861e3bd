/// Hybrid vsock, as Firecracker and Cloud Hypervisor have it: on the host, a virtual machine's vsock is a
/// unix socket.
///
///   std::unique_ptr<ByteStream> stream = io.adopt(std::move(fd));       // connected to the machine's socket
///   stream = std::make_unique<HybridVsockStream>(std::move(stream), shard.slabs(), port);
///
/// 1. Host to guest: the client connects to that socket and writes `CONNECT <port>\n` in one call; the
///    hypervisor answers `OK <its port>\n`, or closes, and from then on the bytes are the guest's. So this
///    stream sends that line when it is started, holds back what it is given until the answer has come, and
///    hands on what follows the answer's line feed, from the same read too.
/// 2. Guest to host: the hypervisor connects to `<socket>_<port>`, which a server listens on like on any
///    other unix socket (Address::bound).
///
/// (https://github.com/firecracker-microvm/firecracker/blob/main/docs/vsock.md)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/slab.h"
#include "reactor/io.h"

namespace ringrpc {

class HybridVsockStream final : public ByteStream, ByteStream::Handler {
 public:
  /// `carrier` is not started yet; `slabs` must outlive this. A hypervisor that closes instead of answering,
  /// because nothing listens on `port` in the guest, ends receiving with ECONNREFUSED; any other answer ends
  /// it with EPROTO.
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

  void on_received(Bytes bytes) override;
  void on_receive_end(int error) override;
  void on_sent(int error) override;
  void answered(Bytes rest);
  void fail(int error);
  void let_go();

  std::unique_ptr<ByteStream> carrier_;
  SlabPool& slabs_;
  std::uint32_t port_;
  ByteStream::Handler* handler_ = nullptr;
  Phase phase_ = Phase::asking;
  bool asked_ = false;   ///< our line has left
  bool paused_ = false;  ///< as the handler wants it; the answer is received all the same
  bool ending_ = false;  ///< shutdown_send was called
  std::string answer_;   ///< as far as it has come
  std::optional<Chain> held_;
};

}  // namespace ringrpc
