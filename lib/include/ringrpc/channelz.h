/// grpc.channelz.v1.Channelz: shows the servers, channels and connections of this process to debugging tools.
///
///   ChannelzService channelz;
///   auto debug = Server::start({&channelz}, {.listen = {"127.0.0.1:50052"}, .shards = 1});
///
/// The service shows every server and every channel of the process, not only the server that serves it. It
/// names the addresses and certificates of all peers and has no access control: serve it where operators
/// alone can connect, or behind an interceptor (ringrpc/allow_list.h)
/// (https://github.com/grpc/proposal/blob/master/A14-channelz.md).
///
/// A Channel is a channel. Its part on a shard is a subchannel, because each shard connects by itself; the
/// connections of that shard are the subchannel's sockets. A subchannel begins with the first call on its
/// shard and ends with the channel or the shard. It counts the calls that the channel makes on its shard, and
/// the channel counts those of all.
///
/// Lists have at most `page_max` entries; the field `end` tells the last page. Nothing is collected for the
/// service: servers and channels count what it shows anyway, and each call of it reads their shards one after
/// another, in slices of some 50 µs. The numbers of one list are not of one moment.
#pragma once

#include "ringrpc/compiler.h"

#include <cstddef>
#include <span>
#include <string_view>

#include "ringrpc/export.h"
#include "ringrpc/service.h"

namespace grpc::channelz::v1 {
class GetChannelRequest;
class GetChannelResponse;
class GetServerRequest;
class GetServerResponse;
class GetServerSocketsRequest;
class GetServerSocketsResponse;
class GetServersRequest;
class GetServersResponse;
class GetSocketRequest;
class GetSocketResponse;
class GetSubchannelRequest;
class GetSubchannelResponse;
class GetTopChannelsRequest;
class GetTopChannelsResponse;
}  // namespace grpc::channelz::v1

namespace ringrpc {

/// The service grpc.channelz.v1.Channelz. One object may be served by any number of servers.
class RINGRPC_EXPORT ChannelzService final : public Service {
 public:
  /// The most entries of a list, which is also what a request without max_results gets.
  static constexpr std::size_t page_max = 100;

  std::string_view service_name() const noexcept override;
  std::span<const Method> service_methods() const noexcept override;

 private:
  Task<Result<grpc::channelz::v1::GetTopChannelsResponse>> get_top_channels(
      Call& call, grpc::channelz::v1::GetTopChannelsRequest request);
  Task<Result<grpc::channelz::v1::GetServersResponse>> get_servers(
      Call& call, grpc::channelz::v1::GetServersRequest request);
  Task<Result<grpc::channelz::v1::GetServerResponse>> get_server(
      Call& call, grpc::channelz::v1::GetServerRequest request);
  Task<Result<grpc::channelz::v1::GetServerSocketsResponse>> get_server_sockets(
      Call& call, grpc::channelz::v1::GetServerSocketsRequest request);
  Task<Result<grpc::channelz::v1::GetChannelResponse>> get_channel(
      Call& call, grpc::channelz::v1::GetChannelRequest request);
  Task<Result<grpc::channelz::v1::GetSubchannelResponse>> get_subchannel(
      Call& call, grpc::channelz::v1::GetSubchannelRequest request);
  Task<Result<grpc::channelz::v1::GetSocketResponse>> get_socket(
      Call& call, grpc::channelz::v1::GetSocketRequest request);
};

}  // namespace ringrpc
