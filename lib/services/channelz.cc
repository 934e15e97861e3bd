#include "ringrpc/channelz.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "grpc/channelz/v1/channelz.ringrpc.h"
#include "rpc/channelz/reading.h"
#include "services/channelz_messages.h"

namespace ringrpc {

namespace {

namespace v1 = grpc::channelz::v1;

/// The number of entries that `max_results` asks for.
Result<std::size_t> page_size(std::int64_t max_results) {
  if (max_results < 0)
    return fail(Code::INVALID_ARGUMENT,
                "max_results is " + std::to_string(max_results) + "; choose 0 or more");
  if (max_results == 0) return ChannelzService::page_max;
  return static_cast<std::size_t>(std::min<std::int64_t>(max_results, ChannelzService::page_max));
}

/// Writes a page into `response`, to which `add` adds an entry.
template <class Response, class Snapshot, class Entry>
Result<Response> list_of(Result<channelz::Page<Snapshot>>&& page, Entry* (Response::*add)()) {
  if (!page) return std::unexpected(std::move(page).error());
  Response response;
  for (Snapshot& entry : page->entries) channelz::write(std::move(entry), *(response.*add)());
  response.set_end(page->end);
  return response;
}

/// Writes `found` into the field of `response` that `field` gives.
template <class Response, class Snapshot, class Entry>
Result<Response> one_of(Result<Snapshot>&& found, Entry* (Response::*field)()) {
  if (!found) return std::unexpected(std::move(found).error());
  Response response;
  channelz::write(*std::move(found), *(response.*field)());
  return response;
}

}  // namespace

std::string_view ChannelzService::service_name() const noexcept { return v1::Channelz::name; }

std::span<const Method> ChannelzService::service_methods() const noexcept {
  static constexpr std::array methods{
      method<&ChannelzService::get_top_channels>("GetTopChannels"),
      method<&ChannelzService::get_servers>("GetServers"),
      method<&ChannelzService::get_server>("GetServer"),
      method<&ChannelzService::get_server_sockets>("GetServerSockets"),
      method<&ChannelzService::get_channel>("GetChannel"),
      method<&ChannelzService::get_subchannel>("GetSubchannel"),
      method<&ChannelzService::get_socket>("GetSocket"),
  };
  return methods;
}

Task<Result<v1::GetTopChannelsResponse>> ChannelzService::get_top_channels(
    Call&, v1::GetTopChannelsRequest request) {
  const Result<std::size_t> most = page_size(request.max_results());
  if (!most) co_return std::unexpected(most.error());
  co_return list_of(co_await channelz::read_channels(request.start_channel_id(), *most),
                    &v1::GetTopChannelsResponse::add_channel);
}

Task<Result<v1::GetServersResponse>> ChannelzService::get_servers(Call&, v1::GetServersRequest request) {
  const Result<std::size_t> most = page_size(request.max_results());
  if (!most) co_return std::unexpected(most.error());
  co_return list_of(co_await channelz::read_servers(request.start_server_id(), *most),
                    &v1::GetServersResponse::add_server);
}

Task<Result<v1::GetServerResponse>> ChannelzService::get_server(Call&, v1::GetServerRequest request) {
  co_return one_of(co_await channelz::read_server(request.server_id()),
                   &v1::GetServerResponse::mutable_server);
}

Task<Result<v1::GetServerSocketsResponse>> ChannelzService::get_server_sockets(
    Call&, v1::GetServerSocketsRequest request) {
  const Result<std::size_t> most = page_size(request.max_results());
  if (!most) co_return std::unexpected(most.error());
  co_return list_of(
      co_await channelz::read_server_sockets(request.server_id(), request.start_socket_id(), *most),
      &v1::GetServerSocketsResponse::add_socket_ref);
}

Task<Result<v1::GetChannelResponse>> ChannelzService::get_channel(Call&, v1::GetChannelRequest request) {
  co_return one_of(co_await channelz::read_channel(request.channel_id()),
                   &v1::GetChannelResponse::mutable_channel);
}

Task<Result<v1::GetSubchannelResponse>> ChannelzService::get_subchannel(Call&,
                                                                        v1::GetSubchannelRequest request) {
  co_return one_of(co_await channelz::read_subchannel(request.subchannel_id(), page_max),
                   &v1::GetSubchannelResponse::mutable_subchannel);
}

Task<Result<v1::GetSocketResponse>> ChannelzService::get_socket(Call&, v1::GetSocketRequest request) {
  const channelz::Detail detail = request.summary() ? channelz::Detail::summary : channelz::Detail::all;
  co_return one_of(co_await channelz::read_socket(request.socket_id(), detail),
                   &v1::GetSocketResponse::mutable_socket);
}

}  // namespace ringrpc
