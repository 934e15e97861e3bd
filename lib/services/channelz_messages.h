/// Writes what channelz shows into its messages.
///
///   write(channelz_snapshot, *response.mutable_server());
#pragma once

#include "grpc/channelz/v1/channelz.pb.h"
#include "rpc/channelz/snapshots.h"

namespace ringrpc::channelz {

void write(Ref&& ref, grpc::channelz::v1::SocketRef& to);
void write(ServerSnapshot&& server, grpc::channelz::v1::Server& to);
void write(ChannelSnapshot&& channel, grpc::channelz::v1::Channel& to);
void write(SubchannelSnapshot&& subchannel, grpc::channelz::v1::Subchannel& to);
void write(SocketSnapshot&& socket, grpc::channelz::v1::Socket& to);

}  // namespace ringrpc::channelz
