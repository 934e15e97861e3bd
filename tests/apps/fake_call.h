/// A call from a known peer, for handlers that are run without a server.
#pragma once

#include <string>
#include <string_view>

#include "ringrpc/call.h"

namespace ringrpc::grpcd {

class FakeCall final : public Call {
 public:
  std::string_view method() const noexcept override { return "/echo.v1.EchoService/Echo"; }
  const Metadata& metadata() override { return metadata_; }
  Metadata& initial_metadata() override { return metadata_; }
  void send_initial_metadata() override {}
  Metadata& trailing_metadata() override { return metadata_; }
  Metadata& attributes() override { return metadata_; }
  void set_compression(Compression) override {}
  bool message_compressed() const noexcept override { return false; }
  Instant deadline() const noexcept override { return never; }
  Instant received_at() const noexcept override { return Instant(); }
  std::string peer() const override { return "127.0.0.1:7"; }
  PeerIdentity peer_identity() const override { return {}; }
  Instant now() const noexcept override { return Instant(); }

 private:
  Metadata metadata_;
};

}  // namespace ringrpc::grpcd
