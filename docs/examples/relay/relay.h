// Forwards the calls of a service, or of all services, to another server without parsing the messages.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/channel.h"
#include "ringrpc/service.h"

using Upstream = ringrpc::ClientStream<ringrpc::RawMessage, ringrpc::RawMessage>;

inline ringrpc::Task<void> forward_requests(ringrpc::MessageStream& stream, Upstream& upstream) {
  ringrpc::Reader<ringrpc::RawMessage> in(stream);
  while (const std::optional<ringrpc::RawMessage> message = co_await in.next())
    if (!co_await upstream.write(*message)) co_return;
  upstream.writes_done();
}

// [forward]
/// One call of any kind: on the wire a unary call is a stream of one message.
inline ringrpc::Task<ringrpc::Status> forward(const ringrpc::Channel& to, ringrpc::Call& call,
                                              ringrpc::MessageStream& stream) {
  ringrpc::CallOptions options = ringrpc::CallOptions::from(call);
  options.metadata = call.metadata();
  Upstream upstream = to.bidirectional<ringrpc::RawMessage, ringrpc::RawMessage>(call.method(), options);

  const ringrpc::Task<void> requests = forward_requests(stream, upstream);
  requests.start();  // runs beside the responses; both end with the call
  ringrpc::Writer<ringrpc::RawMessage> out(stream);
  while (const std::optional<ringrpc::RawMessage> message = co_await upstream.next()) {
    call.initial_metadata() = co_await upstream.initial_metadata();
    if (!co_await out.write(*message)) break;
  }
  ringrpc::Status status = co_await upstream.finish();
  call.initial_metadata() = co_await upstream.initial_metadata();
  call.trailing_metadata() = upstream.trailing_metadata();
  co_return status;
}

/// Forwards the calls to all methods that no service of the server has.
class RelayAll final : public ringrpc::Fallback {
 public:
  explicit RelayAll(ringrpc::Channel to) : to_(std::move(to)) {}

  ringrpc::Task<ringrpc::Status> serve(ringrpc::Call& call, ringrpc::MessageStream& stream) override {
    return forward(to_, call, stream);
  }

 private:
  ringrpc::Channel to_;
};
// [/forward]

/// Forwards the calls of one service, whose methods the metrics of the server name.
class Relay final : public ringrpc::Service {
 public:
  /// Has the name and the methods of `mirrored`, for example a generated Service.
  Relay(const ringrpc::Service& mirrored, ringrpc::Channel to)
      : name_(mirrored.service_name()), to_(std::move(to)) {
    for (const ringrpc::Method& method : mirrored.service_methods())
      methods_.push_back({method.name, method.kind, &serve});
  }

  std::string_view service_name() const noexcept override { return name_; }
  std::span<const ringrpc::Method> service_methods() const noexcept override { return methods_; }

 private:
  static ringrpc::Task<ringrpc::Status> serve(ringrpc::Service& service, ringrpc::Call& call,
                                              ringrpc::MessageStream& stream) {
    return forward(static_cast<Relay&>(service).to_, call, stream);
  }

  std::string name_;
  std::vector<ringrpc::Method> methods_;
  ringrpc::Channel to_;
};
