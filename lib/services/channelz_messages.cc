#include "services/channelz_messages.h"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <sys/un.h>
#include <utility>

namespace ringrpc::channelz {
namespace {

namespace v1 = grpc::channelz::v1;

/// Replaces all but printable ASCII: a string in a message must be UTF-8, and paths and
/// bytes from peers need not be.
std::string printable(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

void write(WallTime time, google::protobuf::Timestamp& to) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  to.set_seconds(seconds.count());
  to.set_nanos(static_cast<std::int32_t>(std::chrono::nanoseconds(since - seconds).count()));
}

/// The epoch means that it has not happened.
template <class Message>
void write_if_any(WallTime time, Message& message, google::protobuf::Timestamp* (Message::*field)()) {
  if (time != WallTime()) write(time, *(message.*field)());
}

void write(std::chrono::microseconds time, google::protobuf::Duration& to) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  to.set_seconds(seconds.count());
  to.set_nanos(static_cast<std::int32_t>(std::chrono::nanoseconds(time - seconds).count()));
}

v1::ChannelTraceEvent::Severity to_message(Severity severity) {
  switch (severity) {
    case Severity::info:
      return v1::ChannelTraceEvent::CT_INFO;
    case Severity::warning:
      return v1::ChannelTraceEvent::CT_WARNING;
    case Severity::error:
      break;
  }
  return v1::ChannelTraceEvent::CT_ERROR;
}

v1::ChannelConnectivityState::State to_message(Connectivity state) {
  switch (state) {
    case Connectivity::idle:
      return v1::ChannelConnectivityState::IDLE;
    case Connectivity::transient_failure:
      return v1::ChannelConnectivityState::TRANSIENT_FAILURE;
    case Connectivity::connecting:
      return v1::ChannelConnectivityState::CONNECTING;
    case Connectivity::ready:
      return v1::ChannelConnectivityState::READY;
    case Connectivity::shutdown:
      break;
  }
  return v1::ChannelConnectivityState::SHUTDOWN;
}

void write(TraceSnapshot&& trace, v1::ChannelTrace& to) {
  to.set_num_events_logged(static_cast<std::int64_t>(trace.logged));
  write(trace.created, *to.mutable_creation_timestamp());
  for (TraceEvent& event : trace.events) {
    v1::ChannelTraceEvent& added = *to.add_events();
    added.set_description(printable(std::move(event.description)));
    added.set_severity(to_message(event.severity));
    write(event.at, *added.mutable_timestamp());
    if (event.subchannel != 0) added.mutable_subchannel_ref()->set_subchannel_id(event.subchannel);
  }
}

/// Into ServerData or ChannelData.
template <class Data>
void write(const CallTotals& calls, Data& to) {
  to.set_calls_started(static_cast<std::int64_t>(calls.started));
  to.set_calls_succeeded(static_cast<std::int64_t>(calls.succeeded));
  to.set_calls_failed(static_cast<std::int64_t>(calls.failed));
  write_if_any(calls.last_started, to, &Data::mutable_last_call_started_timestamp);
}

void write(Ref&& ref, v1::SubchannelRef& to) {
  to.set_subchannel_id(ref.id);
  to.set_name(printable(std::move(ref.name)));
}

template <class Field>
std::string bytes_of(const Field& field) {
  return {reinterpret_cast<const char*>(&field), sizeof field};
}

void write_unix(const SocketAddress& address, v1::Address& to) {
  sockaddr_un named{};
  std::memcpy(&named, &address.storage, std::min<std::size_t>(address.length, sizeof named));
  std::size_t length =
      address.length - std::min<std::size_t>(address.length, offsetof(sockaddr_un, sun_path));
  const bool abstract = length > 0 && named.sun_path[0] == '\0';
  if (!abstract) length = ::strnlen(named.sun_path, length);
  std::string name(named.sun_path, length);
  if (abstract) name.front() = '@';
  to.mutable_uds_address()->set_filename(printable(std::move(name)));
}

void write_tcp(std::string ip_address, in_port_t port, v1::Address& to) {
  to.mutable_tcpip_address()->set_ip_address(std::move(ip_address));
  to.mutable_tcpip_address()->set_port(ntohs(port));
}

/// `name` is for addresses that the messages have no form for.
void write(const SocketAddress& address, const std::string& name, v1::Address& to) {
  switch (address.family()) {
    case AF_INET: {
      sockaddr_in four{};
      std::memcpy(&four, &address.storage, sizeof four);
      return write_tcp(bytes_of(four.sin_addr), four.sin_port, to);
    }
    case AF_INET6: {
      sockaddr_in6 six{};
      std::memcpy(&six, &address.storage, sizeof six);
      return write_tcp(bytes_of(six.sin6_addr), six.sin6_port, to);
    }
    case AF_UNIX:
      return write_unix(address, to);
    default:
      to.mutable_other_address()->set_name(printable(name));
  }
}

void write(StreamSecurity&& security, v1::Security::Tls& to) {
  to.set_standard_name(printable(std::move(security.cipher)));
  to.set_local_certificate(std::move(security.local_certificate));
  to.set_remote_certificate(std::move(security.remote_certificate));
}

template <class Message>
void add_option(std::string_view name, std::string value, const Message& additional, v1::SocketData& to) {
  v1::SocketOption& option = *to.add_option();
  option.set_name(std::string(name));
  option.set_value(std::move(value));
  option.mutable_additional()->PackFrom(additional);
}

void add_timeout(std::string_view name, std::chrono::microseconds time, v1::SocketData& to) {
  v1::SocketOptionTimeout timeout;
  write(time, *timeout.mutable_duration());
  add_option(name, std::to_string(time.count()) + "us", timeout, to);
}

v1::SocketOptionTcpInfo to_message(const tcp_info& info) {
  v1::SocketOptionTcpInfo to;
  to.set_tcpi_state(info.tcpi_state);
  to.set_tcpi_ca_state(info.tcpi_ca_state);
  to.set_tcpi_retransmits(info.tcpi_retransmits);
  to.set_tcpi_probes(info.tcpi_probes);
  to.set_tcpi_backoff(info.tcpi_backoff);
  to.set_tcpi_options(info.tcpi_options);
  to.set_tcpi_snd_wscale(info.tcpi_snd_wscale);
  to.set_tcpi_rcv_wscale(info.tcpi_rcv_wscale);
  to.set_tcpi_rto(info.tcpi_rto);
  to.set_tcpi_ato(info.tcpi_ato);
  to.set_tcpi_snd_mss(info.tcpi_snd_mss);
  to.set_tcpi_rcv_mss(info.tcpi_rcv_mss);
  to.set_tcpi_unacked(info.tcpi_unacked);
  to.set_tcpi_sacked(info.tcpi_sacked);
  to.set_tcpi_lost(info.tcpi_lost);
  to.set_tcpi_retrans(info.tcpi_retrans);
  to.set_tcpi_fackets(info.tcpi_fackets);
  to.set_tcpi_last_data_sent(info.tcpi_last_data_sent);
  to.set_tcpi_last_ack_sent(info.tcpi_last_ack_sent);
  to.set_tcpi_last_data_recv(info.tcpi_last_data_recv);
  to.set_tcpi_last_ack_recv(info.tcpi_last_ack_recv);
  to.set_tcpi_pmtu(info.tcpi_pmtu);
  to.set_tcpi_rcv_ssthresh(info.tcpi_rcv_ssthresh);
  to.set_tcpi_rtt(info.tcpi_rtt);
  to.set_tcpi_rttvar(info.tcpi_rttvar);
  to.set_tcpi_snd_ssthresh(info.tcpi_snd_ssthresh);
  to.set_tcpi_snd_cwnd(info.tcpi_snd_cwnd);
  to.set_tcpi_advmss(info.tcpi_advmss);
  to.set_tcpi_reordering(info.tcpi_reordering);
  return to;
}

void write(const SocketOptions& options, v1::SocketData& to) {
  if (options.linger) {
    v1::SocketOptionLinger linger;
    linger.set_active(options.linger->active);
    write(std::chrono::microseconds(options.linger->duration), *linger.mutable_duration());
    add_option("SO_LINGER",
               options.linger->active ? std::to_string(options.linger->duration.count()) + "s" : "off",
               linger, to);
  }
  if (options.receive_timeout) add_timeout("SO_RCVTIMEO", *options.receive_timeout, to);
  if (options.send_timeout) add_timeout("SO_SNDTIMEO", *options.send_timeout, to);
  if (options.tcp) add_option("TCP_INFO", {}, to_message(*options.tcp), to);
}

void write_data(const SocketSnapshot& socket, v1::SocketData& to) {
  const SocketCounts& counts = socket.counts;
  to.set_streams_started(counts.streams_started);
  to.set_streams_succeeded(counts.streams_ended - counts.streams_failed);
  to.set_streams_failed(counts.streams_failed);
  to.set_messages_sent(static_cast<std::int64_t>(counts.messages_sent));
  to.set_messages_received(static_cast<std::int64_t>(counts.messages_received));
  to.set_keep_alives_sent(counts.keepalives_sent);
  write_if_any(socket.last_stream, to,
               socket.from_client ? &v1::SocketData::mutable_last_remote_stream_created_timestamp
                                  : &v1::SocketData::mutable_last_local_stream_created_timestamp);
  write_if_any(socket.last_sent, to, &v1::SocketData::mutable_last_message_sent_timestamp);
  write_if_any(socket.last_received, to, &v1::SocketData::mutable_last_message_received_timestamp);
  to.mutable_local_flow_control_window()->set_value(socket.send_window_bytes);
  to.mutable_remote_flow_control_window()->set_value(socket.receive_window_bytes);
  if (counts.goaway_received) to.mutable_received_goaway_error()->set_value(counts.goaway_error);
  to.set_peer_max_concurrent_streams(socket.peer_max_concurrent_streams);
  write(socket.options, to);
}

}  // namespace

void write(Ref&& ref, v1::SocketRef& to) {
  to.set_socket_id(ref.id);
  to.set_name(printable(std::move(ref.name)));
}

void write(ServerSnapshot&& server, v1::Server& to) {
  to.mutable_ref()->set_server_id(server.ref.id);
  to.mutable_ref()->set_name(printable(std::move(server.ref.name)));
  write(std::move(server.trace), *to.mutable_data()->mutable_trace());
  write(server.calls, *to.mutable_data());
  for (Ref& socket : server.listen_sockets) write(std::move(socket), *to.add_listen_socket());
}

void write(ChannelSnapshot&& channel, v1::Channel& to) {
  std::string target = printable(std::move(channel.ref.name));
  to.mutable_ref()->set_channel_id(channel.ref.id);
  to.mutable_ref()->set_name(target);
  v1::ChannelData& data = *to.mutable_data();
  data.mutable_state()->set_state(to_message(channel.state));
  data.set_target(std::move(target));
  write(std::move(channel.trace), *data.mutable_trace());
  write(channel.calls, data);
  for (Ref& subchannel : channel.subchannels) write(std::move(subchannel), *to.add_subchannel_ref());
}

void write(SubchannelSnapshot&& subchannel, v1::Subchannel& to) {
  write(std::move(subchannel.ref), *to.mutable_ref());
  v1::ChannelData& data = *to.mutable_data();
  data.mutable_state()->set_state(to_message(subchannel.state));
  data.set_target(printable(std::move(subchannel.target)));
  data.set_max_connections_per_subchannel(subchannel.max_connections);
  write(std::move(subchannel.trace), *data.mutable_trace());
  write(subchannel.calls, data);
  for (Ref& socket : subchannel.sockets) write(std::move(socket), *to.add_socket_ref());
}

void write(SocketSnapshot&& socket, v1::Socket& to) {
  if (socket.connected) {
    write_data(socket, *to.mutable_data());
    write(socket.remote, socket.ref.name, *to.mutable_remote());
  }
  if (socket.local.length > 0) {
    write(socket.local, socket.local_name, *to.mutable_local());
  } else if (!socket.local_name.empty()) {
    to.mutable_local()->mutable_other_address()->set_name(printable(std::move(socket.local_name)));
  }
  if (socket.security) write(*std::move(socket.security), *to.mutable_security()->mutable_tls());
  write(std::move(socket.ref), *to.mutable_ref());
}

}  // namespace ringrpc::channelz
