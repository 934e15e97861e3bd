/// A server session with a hand-made client.
#pragma once

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "endpoint.h"
#include "frames.h"

namespace ringrpc::http2::test {

/// The debug data with which the server ends a connection for conduct that it has to bear with for a while.
constexpr std::string_view no_progress = "too many frames without progress";

/// The n-th stream of a client.
inline std::uint32_t id_of(std::uint32_t n) { return 2 * n + 1; }

struct RawServer {
  /// The connection is open. Without `acknowledges` the client has not acknowledged our SETTINGS.
  explicit RawServer(const Limits& limits = {}, bool acknowledges = true) : endpoint(Role::server, limits) {
    echo(endpoint);
    endpoint.produce();
    REQUIRE(endpoint.receive(std::string(preface) + settings() + (acknowledges ? settings_ack() : "")).ok());
    endpoint.produce();
  }

  /// The frames that the server sends in response to `bytes`. RINGRPC_WIRE's wire (wire.h) carries both.
  std::vector<Frame> answer(const std::string& bytes) {
    status = receive(bytes);
    return parse(returned(endpoint.produce()));
  }

  /// Sends what `make` makes up to `times` times, and reads the output, until the session ends the
  /// connection. Returns how many it accepted.
  template <class Make>
  int flood(int times, Make make) {
    for (int sent = 0; sent < times; ++sent) {
      const std::string bytes = make(static_cast<std::uint32_t>(sent));
      status = receive(bytes);
      output += returned(endpoint.produce());
      if (endpoint.session.finished()) return sent;
    }
    return times;
  }

  void check_ended(ErrorCode code, std::string_view debug) {
    const std::vector<Ending> found = endings(parse(output));
    REQUIRE(found.size() == 1);
    CHECK(found[0].code == code);
    CHECK(found[0].debug == debug);
    CHECK(endpoint.session.finished());
    CHECK_FALSE(endpoint.session.wants_to_produce());
    if (status.ok()) status = endpoint.receive("");  // the fault was found while producing
    CHECK_FALSE(status.ok());
    CHECK(status.initiator() == Initiator::peer);
    CHECK(status.message().find(name(code)) != std::string_view::npos);
  }

  Endpoint endpoint;
  Encoder encoder;
  Status status;
  std::string output;  ///< of flood

 private:
  Status receive(const std::string& bytes) {
    if (!wire_ || bytes.empty()) return endpoint.receive(bytes);
    Status outcome;
    wire_->carry(bytes, Role::server, [&](std::string_view piece) {
      outcome = endpoint.receive(std::string(piece));
      return outcome.ok();
    });
    return outcome;
  }

  /// The same bytes after the wire has carried them to the client.
  std::string returned(const std::string& bytes) const {
    if (!wire_ || bytes.empty()) return bytes;
    std::string arrived;
    wire_->carry(bytes, Role::client, [&](std::string_view piece) {
      arrived += piece;
      return true;
    });
    return arrived;
  }

  const std::unique_ptr<Wire> wire_ = Wire::make();
};

}  // namespace ringrpc::http2::test
