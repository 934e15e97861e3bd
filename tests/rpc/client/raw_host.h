/// A hand-made server, for tests of a client's reaction to it.
///
///   SimulatedWorld world(1);
///   RawHost host(world);
///   host.answer = whole(good_headers, message("y"), good_trailers);
///   CHECK(host.serve([](Channel& channel) -> Task<void> { ... }));
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/sleep.h"

#include "rpc/server/raw_peer.h"
#include "transport/address.h"

namespace ringrpc::test {

using http2::test::FieldList;

inline constexpr std::string_view echo = echo_path;

inline const FieldList good_headers = {{":status", "200"}, {"content-type", "application/grpc"}};
inline const FieldList good_trailers = {{"grpc-status", "0"}};

/// Sends `greeting` on each connection, then the response `answer` for each request that begins.
class RawHost final : Acceptor::Handler {
 public:
  using Answer = std::function<std::string(RawPeer&, std::uint32_t stream)>;

  explicit RawHost(SimulatedWorld& world, std::string_view where = "127.0.0.1:7")
      : address_(where), world_(world) {
    open();
  }

  /// Listens, after `close` again.
  void open() {
    const auto where = resolve(*Address::parse(address_));
    acceptor_ = std::move(*world_.server_shard().io().listen(where->front(), 16, *this));
  }
  /// Connections are refused from now on.
  void close() { acceptor_.reset(); }

  bool serve(const World::Script& script, const ChannelOptions& options = {}) {
    return world_.run_against(address_, script, options);
  }

  std::string greeting = http2::test::settings() + http2::test::settings_ack();
  Answer answer;
  std::function<void(RawPeer&)> on_connection;  ///< after the greeting
  std::vector<std::unique_ptr<RawPeer>> peers;

 private:
  void on_accepted(UniqueFd connection) override {
    RawPeer& peer =
        *peers.emplace_back(std::make_unique<RawPeer>(world_.server_shard(), std::move(connection)));
    peer.send(greeting);
    peer.on_headers = [this, &peer](std::uint32_t stream) {
      if (answer) peer.send(answer(peer, stream));
    };
    if (on_connection) on_connection(peer);
  }
  void on_accept_error(int) override {}

  std::string address_;
  SimulatedWorld& world_;
  std::unique_ptr<Acceptor> acceptor_;
};

inline Task<CallResult<RawMessage>> unary(Channel& channel, CallOptions options) {
  return channel.unary<RawMessage, RawMessage>(echo, RawMessage{"x"}, std::move(options));
}
inline Task<CallResult<RawMessage>> unary(Channel& channel, Nanoseconds timeout = Nanoseconds::max()) {
  CallOptions options;
  options.timeout = timeout;
  return unary(channel, std::move(options));
}

/// Starts `count` unary calls.
inline std::vector<Task<CallResult<RawMessage>>> start_calls(Channel& channel, int count,
                                                             const CallOptions& options = {}) {
  std::vector<Task<CallResult<RawMessage>>> calls;
  for (int at = 0; at < count; ++at) {
    calls.push_back(unary(channel, options));
    calls.back().start();
  }
  return calls;
}
inline Task<void> all_done(const std::vector<Task<CallResult<RawMessage>>>& calls) {
  while (!std::ranges::all_of(calls, &Task<CallResult<RawMessage>>::done))
    co_await sleep_for(std::chrono::milliseconds(1));
}

/// The code of a call that has ended.
inline Code code_of(const Task<CallResult<RawMessage>>& call) {
  const auto result = call.result();
  return result ? Code::OK : result.error().code();
}

inline RawHost::Answer headers_only(FieldList fields) {
  return [fields = std::move(fields)](RawPeer& peer, std::uint32_t id) {
    return peer.encoder.headers(id, fields, http2::test::end_stream);
  };
}

inline RawHost::Answer whole(FieldList headers, std::string body, FieldList trailers) {
  return [=](RawPeer& peer, std::uint32_t id) {
    std::string all = peer.encoder.headers(id, headers) + http2::test::data(id, body);
    all += peer.encoder.headers(id, trailers, http2::test::end_stream);
    return all;
  };
}

/// The response of a correct server.
inline RawHost::Answer well_answered() { return whole(good_headers, message("y"), good_trailers); }

}  // namespace ringrpc::test
