// Forwards the calls of a service to another server without parsing the messages.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/channel.h"
#include "ringrpc/service.h"

class Relay final : public ringrpc::Service {
 public:
  /// Has the name and the methods of `mirrored`, for example a generated Service.
  Relay(const ringrpc::Service& mirrored, ringrpc::Channel to)
      : name_(mirrored.service_name()), to_(std::move(to)) {
    for (const ringrpc::Method& method : mirrored.service_methods())
      methods_.push_back({method.name, method.kind, &forward});
  }

  std::string_view service_name() const noexcept override { return name_; }
  std::span<const ringrpc::Method> service_methods() const noexcept override { return methods_; }

 private:
  using Upstream = ringrpc::ClientStream<ringrpc::RawMessage, ringrpc::RawMessage>;

  /// One call of any kind: on the wire a unary call is a stream of one message.
  static ringrpc::Task<ringrpc::Status> forward(ringrpc::Service& service, ringrpc::Call& call,
                                                ringrpc::MessageStream& stream) {
    ringrpc::CallOptions options = ringrpc::CallOptions::from(call);
    options.metadata = call.metadata();
    const ringrpc::Channel& to = static_cast<Relay&>(service).to_;
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

  static ringrpc::Task<void> forward_requests(ringrpc::MessageStream& stream, Upstream& upstream) {
    ringrpc::Reader<ringrpc::RawMessage> in(stream);
    while (const std::optional<ringrpc::RawMessage> message = co_await in.next())
      if (!co_await upstream.write(*message)) co_return;
    upstream.writes_done();
  }

  std::string name_;
  std::vector<ringrpc::Method> methods_;
  ringrpc::Channel to_;
};
