/// A client of server reflection (grpc.reflection.v1, or v1alpha if the server has only that).
///
///   ReflectionClient reflection(channel, options);
///   Outcome<std::vector<std::string>> services = co_await reflection.services();
///   Outcome<Files> files = co_await reflection.files_with_symbol("echo.v1.EchoService");
///
/// A server may send any descriptors: all files together must not take more than 128 MiB of memory, by an estimate before
/// they are parsed; beyond that a request fails with exit_protocol.
///
/// It belongs to the channel's shard; make one request at a time.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ringrpc/channel.h"

#include "grpc/reflection/v1/reflection.pb.h"
#include "reflected/descriptor_source.h"

namespace ringrpc::reflected {

class ReflectionClient final : public DescriptorSource {
 public:
  /// Makes the options of each call; their timeout counts from then.
  using MakeOptions = std::function<CallOptions()>;

  /// `channel` must outlive it.
  ReflectionClient(Channel& channel, MakeOptions make_options)
      : channel_(channel), make_options_(std::move(make_options)) {}

  Task<Outcome<std::vector<std::string>>> services() override;
  Task<Outcome<Files>> files_with_symbol(std::string symbol) override;
  Task<Outcome<Files>> file_named(std::string name) override;

  /// Half-closes the call that carries the requests and waits for its status, because a server counts a
  /// cancelled call as failed. After a second the call is cancelled. The next request starts another.
  Task<> end() override;

  std::string_view describes() const noexcept override { return "the server describes"; }

 private:
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;

  Task<Outcome<Response>> ask(Request request);
  Task<Outcome<Files>> ask_for_files(Request request);
  void begin_call();
  Task<> cancel_in_time();
  Failure failure(const Status& status) const;

  Channel& channel_;
  MakeOptions make_options_;
  std::optional<ClientStream<Request, Response>> stream_;
  std::set<std::string> names_;  // of files that were received
  std::size_t held_bytes_ = 0;   // the memory that they take
  bool v1_ = true;               // false once the server turns out to have only v1alpha
  bool responded_ = false;       // the server has this version
};

}  // namespace ringrpc::reflected
