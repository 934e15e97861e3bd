/// A server session before a hand-made client.
#pragma once

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "endpoint.h"
#include "frames.h"

namespace ringrpc::http2::test {

struct RawServer {
  /// The connection is up; unless `acknowledges`, the client has not acknowledged our SETTINGS.
  explicit RawServer(const Limits& limits = {}, bool acknowledges = true) : endpoint(Role::server, limits) {
    echo(endpoint);
    endpoint.produce();
    REQUIRE(endpoint.receive(std::string(preface) + settings() + (acknowledges ? settings_ack() : "")).ok());
    endpoint.produce();
  }

  /// The frames that answer `bytes`.
  std::vector<Frame> answer(const std::string& bytes) {
    status = endpoint.receive(bytes);
    return parse(endpoint.produce());
  }

  /// Sends what `make` makes up to `times`, with the answers read, until the session has had enough; returns
  /// how many it took.
  template <class Make>
  int flood(int times, Make make) {
    for (int sent = 0; sent < times; ++sent) {
      const std::string bytes = make(static_cast<std::uint32_t>(sent));
      status = endpoint.receive(bytes);
      output += endpoint.produce();
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
};

}  // namespace ringrpc::http2::test
