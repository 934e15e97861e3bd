/// A server whose response to each attempt of a call is written down beforehand, and what it saw.
///
///   Attempts attempts({fails("14"), fails("14"), answers("y")});
///   CHECK(attempts.call(retrying(3)).ok());
///   CHECK(attempts.seen.size() == 3);
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringrpc/sleep.h"

#include "rpc/client/raw_host.h"

namespace ringrpc::test {

/// A response that is only a status.
inline RawHost::Answer fails(std::string code, const FieldList& more = {}) {
  return headers_only(
      http2::test::with(http2::test::with(good_headers, {{"grpc-status", std::move(code)}}), more));
}
inline RawHost::Answer answers(std::string_view body) {
  return whole(good_headers, message(body), good_trailers);
}
inline RawHost::Answer silence() {
  return [](RawPeer&, std::uint32_t) { return std::string(); };
}
inline RawHost::Answer resets(http2::ErrorCode code) {
  return [code](RawPeer&, std::uint32_t id) { return http2::test::rst_stream(id, code); };
}

/// A service config with these settings for all methods.
inline std::shared_ptr<const ServiceConfig> for_all_methods(const std::string& settings,
                                                            const std::string& more = "") {
  auto config = ServiceConfig::parse(R"({"methodConfig": [{"name": [{}], )" + settings + "}]" + more + "}");
  REQUIRE_MESSAGE(config, config.error().to_string());
  return *config;
}
/// With a retry policy for UNAVAILABLE, whose first backoff is 100 ms; `more` is added to the config.
inline std::shared_ptr<const ServiceConfig> retrying(unsigned attempts, const std::string& more = "") {
  return for_all_methods(R"("retryPolicy": {"maxAttempts": )" + std::to_string(attempts) +
                             R"(, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 4,
                              "retryableStatusCodes": ["UNAVAILABLE"]})",
                         more);
}
inline std::shared_ptr<const ServiceConfig> hedging(unsigned attempts, const std::string& delay,
                                                    const std::string& more = "") {
  return for_all_methods(R"("hedgingPolicy": {"maxAttempts": )" + std::to_string(attempts) +
                             R"(, "hedgingDelay": ")" + delay +
                             R"(", "nonFatalStatusCodes": ["UNAVAILABLE", "INTERNAL"]})",
                         more);
}

class Attempts {
 public:
  /// An attempt as the server saw it.
  struct Seen {
    Instant at;
    std::string previous;  ///< `grpc-previous-rpc-attempts`, empty without it
    RawPeer* peer;
    std::uint32_t stream;
    std::string body() const { return peer->body(stream); }
    bool cancelled() const { return peer->resets(stream) == std::vector{http2::ErrorCode::cancel}; }
  };

  /// Further attempts get the last answer.
  explicit Attempts(std::vector<RawHost::Answer> script, std::uint64_t seed = 1)
      : world(seed), host(world), script_(std::move(script)) {
    host.answer = [this](RawPeer& peer, std::uint32_t stream) {
      seen.push_back({world.server_shard().now(),
                      peer.field(stream, "grpc-previous-rpc-attempts").value_or(""), &peer, stream});
      return script_[std::min(seen.size(), script_.size()) - 1](peer, stream);
    };
  }

  /// The status of one unary call.
  Status call(std::shared_ptr<const ServiceConfig> config, const CallOptions& options = {}) {
    ChannelOptions channel_options;
    channel_options.service_config = std::move(config);
    Status status;
    CHECK(host.serve(
        [&](Channel& channel) -> Task<void> {
          const auto response = co_await unary(channel, options);
          status = response ? Status() : response.error();
          metadata = response.metadata;
          co_await sleep_for(
              std::chrono::milliseconds(100));  // the server learns which attempts are cancelled
        },
        channel_options));
    return status;
  }

  std::vector<std::string> previous() const {
    std::vector<std::string> all;
    for (const Seen& each : seen) all.push_back(each.previous);
    return all;
  }
  /// The time between the beginnings of an attempt and the next.
  Nanoseconds wait_after(std::size_t attempt) const { return seen.at(attempt + 1).at - seen.at(attempt).at; }

  SimulatedWorld world;
  RawHost host;
  std::vector<Seen> seen;
  ResponseMetadata metadata;  ///< of the last call

 private:
  std::vector<RawHost::Answer> script_;
};

}  // namespace ringrpc::test
