/// What a server tells of its services (grpc.reflection.v1, or v1alpha where it has only that).
///
///   ReflectionClient reflection(channel, options);
///   Outcome<std::vector<std::string>> services = co_await reflection.services();
///   Outcome<Files> files = co_await reflection.files_with_symbol("echo.v1.EchoService");
///
/// Belongs to the channel's shard; one request at a time.
#pragma once

#include <functional>
#include <google/protobuf/descriptor.pb.h>
#include <optional>
#include <string>
#include <vector>

#include "ringrpc/channel.h"

#include "grpc/reflection/v1/reflection.pb.h"
#include "reflected/failure.h"

namespace ringrpc::reflected {

class ReflectionClient {
 public:
  using Files = std::vector<google::protobuf::FileDescriptorProto>;
  /// The options of each call made; their timeout counts from then.
  using MakeOptions = std::function<CallOptions()>;

  /// `channel` must outlive it.
  ReflectionClient(Channel& channel, MakeOptions make_options)
      : channel_(channel), make_options_(std::move(make_options)) {}

  /// The full names of the services, sorted.
  Task<Outcome<std::vector<std::string>>> services();

  // The file that was asked for, with what it imports as far as the server sends that along. A name that the
  // server does not know is exit_not_found.

  Task<Outcome<Files>> files_with_symbol(std::string symbol);
  Task<Outcome<Files>> file_named(std::string name);

  /// Ends the call that the requests go over and takes the server's status of it: to a server, a call that is
  /// dropped has failed. The next request begins another. One that is still not over after a second is
  /// dropped.
  Task<> hang_up();

 private:
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;

  Task<Outcome<Response>> ask(Request request);
  Task<Outcome<Files>> ask_for_files(Request request);
  void dial();
  Task<> drop_in_time();
  Failure failure(const Status& status) const;

  Channel& channel_;
  MakeOptions make_options_;
  std::optional<ClientStream<Request, Response>> stream_;
  bool v1_ = true;         // until the server says that it has no such service
  bool answered_ = false;  // so the version is right
};

}  // namespace ringrpc::reflected
