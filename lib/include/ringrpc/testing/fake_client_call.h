/// A call that a mock of a stub returns: the test plays the server, and sees what the client has written.
///
///   class MockRoutes final : public routes::v1::RouteGuide::StubInterface {
///    public:
///     ClientReader<Feature> ListFeatures(const Rectangle&, const CallOptions&) const override {
///       return ClientReader<Feature>(features.call());
///     }
///     mutable testing::FakeClientCall features;
///   };
///   mock.features.respond(feature);
///   mock.features.finish();
///   testing::InProcess world({});
///   Status status = world.run(print_features(mock));  // takes a const RouteGuide::StubInterface&
///
/// For methods that stream; a mock of a unary method gives its CallResult with `co_return`. The test may
/// respond before the code under test asks, or while it waits: that code is then resumed inside `respond` or
/// `finish`. Belongs to one thread at a time.
#pragma once

#include "ringrpc/compiler.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/call_result.h"
#include "ringrpc/client_call.h"
#include "ringrpc/export.h"
#include "ringrpc/metadata.h"
#include "ringrpc/status.h"
#include "ringrpc/testing/fake_call.h"

namespace ringrpc::testing {

/// One call. It must outlive the ClientReader, ClientWriter or ClientStream that is made of it.
class RINGRPC_EXPORT FakeClientCall {
 public:
  FakeClientCall() = default;
  FakeClientCall(const FakeClientCall&) = delete;
  FakeClientCall& operator=(const FakeClientCall&) = delete;

  /// The call, to make a ClientReader, ClientWriter or ClientStream of. Call once; throws
  /// std::logic_error the second time.
  std::unique_ptr<ClientCall> call();

  // The server's part. No effect once the call has ended.
  /// Sends the initial metadata. If the test does not call this, the initial metadata is empty and
  /// arrives with the first response.
  void send_initial_metadata(Metadata metadata);
  /// Sends a message. Further messages queue until the client reads them.
  template <class Response>
  void respond(const Response& message) {
    if (ended()) return;
    begin_response();
    messages_.receive(message);
  }
  void respond_bytes(std::string message);
  /// Ends the call.
  void finish(Status status = {}, Metadata trailing = {});
  /// Sets the number of messages that the client may write without waiting; 1000 at first.
  void set_room(std::size_t messages) { messages_.set_room(messages); }

  // The client's part.
  /// The client's messages that parse as a Request.
  template <class Request>
  std::vector<Request> requests() const {
    return messages_.sent<Request>();
  }
  /// True once it has half-closed the call.
  bool writes_ended() const noexcept { return writes_ended_; }
  /// True once it has cancelled the call, or dropped it before its end.
  bool cancelled() const noexcept { return cancelled_; }

 private:
  class Handle;
  enum class Response : std::uint8_t { awaited, begun, ended, status_taken };

  bool ended() const noexcept { return response_ >= Response::ended; }
  void begin_response();
  void end(Status status);

  FakeStream messages_;
  ResponseMetadata metadata_;
  Status status_;
  Response response_ = Response::awaited;
  bool handed_out_ = false;
  bool writes_ended_ = false;
  bool cancelled_ = false;
  MessageStream::Waiter* initial_waiter_ = nullptr;
  MessageStream::Waiter* finish_waiter_ = nullptr;
};

}  // namespace ringrpc::testing
