#include "ringrpc/channelz.h"

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "ringrpc/admin_services.h"
#include "ringrpc/block_on.h"
#include "ringrpc/channel.h"
#include "ringrpc/event_count.h"
#include "ringrpc/submit.h"

#include "base/unique_fd.h"
#include "grpc/channelz/v1/channelz.ringrpc.h"
#include "rpc/server/raw_service.h"
#include "rpc/world.h"
#include "transport/test_authority.h"

namespace ringrpc {
namespace {

namespace v1 = grpc::channelz::v1;
using namespace std::chrono_literals;

std::unique_ptr<Server> start(std::span<Service* const> services, ServerOptions options) {
  auto started = Server::start(services, options);
  REQUIRE_MESSAGE(started, started.error().to_string());
  return std::move(*started);
}

/// A server that serves channelz only, and a client of it.
class Observer {
 private:
  template <class Method, class Request>
  auto get(Method method, const Request& request) const {
    auto response = block_on([&] { return (stub_.*method)(request, CallOptions()); });
    REQUIRE_MESSAGE(response, response.error().to_string());
    return *std::move(response);
  }

 public:
  v1::GetServersResponse servers(std::int64_t start = 0, std::int64_t most = 0) const {
    v1::GetServersRequest request;
    request.set_start_server_id(start);
    request.set_max_results(most);
    return get(&v1::Channelz::Stub::GetServers, request);
  }
  v1::Server server(std::int64_t id) const {
    v1::GetServerRequest request;
    request.set_server_id(id);
    return get(&v1::Channelz::Stub::GetServer, request).server();
  }
  v1::GetServerSocketsResponse server_sockets(std::int64_t server, std::int64_t start = 0,
                                              std::int64_t most = 0) const {
    v1::GetServerSocketsRequest request;
    request.set_server_id(server);
    request.set_start_socket_id(start);
    request.set_max_results(most);
    return get(&v1::Channelz::Stub::GetServerSockets, request);
  }
  v1::GetTopChannelsResponse channels(std::int64_t start = 0, std::int64_t most = 0) const {
    v1::GetTopChannelsRequest request;
    request.set_start_channel_id(start);
    request.set_max_results(most);
    return get(&v1::Channelz::Stub::GetTopChannels, request);
  }
  v1::Channel channel(std::int64_t id) const {
    v1::GetChannelRequest request;
    request.set_channel_id(id);
    return get(&v1::Channelz::Stub::GetChannel, request).channel();
  }
  v1::Subchannel subchannel(std::int64_t id) const {
    v1::GetSubchannelRequest request;
    request.set_subchannel_id(id);
    return get(&v1::Channelz::Stub::GetSubchannel, request).subchannel();
  }
  CallResult<v1::GetSocketResponse> try_socket(std::int64_t id, bool summary = false) const {
    v1::GetSocketRequest request;
    request.set_socket_id(id);
    request.set_summary(summary);
    return block_on([&] { return stub_.GetSocket(request); });
  }
  v1::Socket socket(std::int64_t id, bool summary = false) const {
    const auto response = try_socket(id, summary);
    REQUIRE_MESSAGE(response, response.error().to_string());
    return response->socket();
  }

  /// The server that listens on `address`, and the channel to `target`, which must be the only ones.
  v1::Server server_at(const std::string& address) const {
    std::vector<v1::Server> found;
    for (const v1::Server& each : servers().server())
      if (each.ref().name() == address) found.push_back(each);
    REQUIRE(found.size() == 1);
    return found.front();
  }
  v1::Channel channel_to(const std::string& target) const {
    std::vector<v1::Channel> found;
    for (const v1::Channel& each : channels().channel())
      if (each.data().target() == target) found.push_back(each);
    REQUIRE(found.size() == 1);
    return found.front();
  }
  /// The only connection of a server.
  v1::Socket only_socket(const v1::Server& server) const {
    const auto sockets = server_sockets(server.ref().server_id());
    REQUIRE(sockets.socket_ref_size() == 1);
    return socket(sockets.socket_ref(0).socket_id());
  }

  const v1::Channelz::Stub& stub() const noexcept { return stub_; }

 private:
  AdminServices services_;
  std::unique_ptr<Server> server_ = start(services_.all(), {.listen = {"127.0.0.1:0"}, .shards = 1});
  Channel channel_{server_->addresses().front()};
  v1::Channelz::Stub stub_{channel_};
};

/// A server of two shards, and a channel to it.
struct Observed {
  explicit Observed(const std::string& listen = "127.0.0.1:0", const ServerOptions& base = {},
                    const ChannelOptions& channel_options = {}) {
    ServerOptions options = base;
    options.listen = {listen};
    options.shards = 2;
    Service* const services[] = {&service};
    server = start(services, options);
    channel = std::make_unique<Channel>(address(), channel_options);
  }
  const std::string& address() const { return server->addresses().front(); }
  bool call(const std::string& method, const std::string& request) const {
    return block_on([&] { return unary(*channel, method, request); }).has_value();
  }

  RawService service;
  std::unique_ptr<Server> server;
  std::unique_ptr<Channel> channel;
};

bool recent(const google::protobuf::Timestamp& time) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::abs(std::chrono::seconds(time.seconds()) - now) < 1h;
}

std::uint16_t port_of(const std::string& address) {
  std::uint16_t port = 0;
  const char* const digits = address.data() + address.rfind(':') + 1;
  std::from_chars(digits, address.data() + address.size(), port);
  return port;
}

std::string loopback() { return {'\x7f', '\0', '\0', '\x01'}; }

TEST_CASE("a server shows its address and its calls") {
  const Observer observer;
  const Observed observed;
  for (int at = 0; at < 3; ++at) CHECK(observed.call("Echo", "x"));
  CHECK_FALSE(observed.call("Fail", "5"));
  CHECK_FALSE(observed.call("NoSuchMethod", "x"));
  const v1::Server server = observer.server_at(observed.address());
  CHECK(server.data().calls_started() == 5);
  CHECK(server.data().calls_succeeded() == 3);
  CHECK(server.data().calls_failed() == 2);
  CHECK(recent(server.data().last_call_started_timestamp()));
  REQUIRE(server.data().trace().events_size() == 1);
  CHECK(server.data().trace().num_events_logged() == 1);
  CHECK(server.data().trace().events(0).description() == "listens on " + observed.address());
  CHECK(recent(server.data().trace().creation_timestamp()));
  CHECK(observer.server(server.ref().server_id()).DebugString().find("calls_started: 5") !=
        std::string::npos);

  REQUIRE(server.listen_socket_size() == 1);
  CHECK(server.listen_socket(0).name() == observed.address());
  const v1::Socket listening = observer.socket(server.listen_socket(0).socket_id());
  CHECK(listening.local().tcpip_address().ip_address() == loopback());
  CHECK(listening.local().tcpip_address().port() == port_of(observed.address()));
  CHECK_FALSE(listening.has_data());
  CHECK_FALSE(listening.has_remote());
}

TEST_CASE("a connection shows its streams, messages, windows, addresses and options") {
  const Observer observer;
  const Observed observed;
  for (int at = 0; at < 3; ++at) CHECK(observed.call("Echo", "x"));
  CHECK_FALSE(observed.call("Fail", "5"));
  const v1::Socket socket = observer.only_socket(observer.server_at(observed.address()));
  const v1::SocketData& data = socket.data();
  CHECK(data.streams_started() == 4);
  CHECK(data.streams_succeeded() == 4);  // a status has arrived, whatever it is
  CHECK(data.streams_failed() == 0);
  CHECK(data.messages_received() == 4);
  CHECK(data.messages_sent() == 3);
  CHECK(data.keep_alives_sent() == 0);
  CHECK(recent(data.last_remote_stream_created_timestamp()));
  CHECK_FALSE(data.has_last_local_stream_created_timestamp());
  CHECK(recent(data.last_message_sent_timestamp()));
  CHECK(recent(data.last_message_received_timestamp()));
  CHECK(data.local_flow_control_window().value() > 0);
  CHECK(data.remote_flow_control_window().value() > 0);
  CHECK(socket.local().tcpip_address().ip_address() == loopback());
  CHECK(socket.local().tcpip_address().port() == port_of(observed.address()));
  CHECK(socket.remote().tcpip_address().ip_address() == loopback());
  CHECK(socket.remote().tcpip_address().port() == port_of(socket.ref().name()));
  CHECK_FALSE(socket.has_security());
  CHECK_FALSE(data.has_received_goaway_error());

  std::vector<std::string> names;
  for (const v1::SocketOption& option : data.option()) names.push_back(option.name());
  CHECK(names == std::vector<std::string>{"SO_LINGER", "SO_RCVTIMEO", "SO_SNDTIMEO", "TCP_INFO"});
  v1::SocketOptionTcpInfo info;
  REQUIRE(data.option(3).additional().UnpackTo(&info));
  CHECK(info.tcpi_state() == TCP_ESTABLISHED);
  CHECK(info.tcpi_snd_mss() > 0);
  v1::SocketOptionLinger linger;
  REQUIRE(data.option(0).additional().UnpackTo(&linger));
  CHECK_FALSE(linger.active());
  const v1::Socket summary = observer.socket(socket.ref().socket_id(), true);
  CHECK(summary.data().streams_started() == 4);
  CHECK(summary.data().option_size() == 0);
}

TEST_CASE("a channel has a subchannel for each shard, and that its connections") {
  const Observer observer;
  const Observed observed;
  CHECK(observer.channel_to(observed.address()).data().state().state() == v1::ChannelConnectivityState::IDLE);
  CHECK(observed.call("Echo", "x"));
  CHECK(observed.call("Echo", "y"));
  CHECK_FALSE(observed.call("Fail", "5"));
  CHECK(submit([&] { return unary(*observed.channel, "Echo", "z"); }).get());  // on another shard
  const v1::Channel channel = observer.channel_to(observed.address());
  CHECK(channel.ref().name() == observed.address());
  CHECK(channel.data().state().state() == v1::ChannelConnectivityState::READY);
  CHECK(channel.data().calls_started() == 4);
  CHECK(channel.data().calls_succeeded() == 3);
  CHECK(channel.data().calls_failed() == 1);
  CHECK(recent(channel.data().last_call_started_timestamp()));
  CHECK(observer.channel(channel.ref().channel_id()).data().calls_started() == 4);
  REQUIRE(channel.subchannel_ref_size() == 2);
  REQUIRE(channel.data().trace().events_size() == 2);
  CHECK(channel.data().trace().events(1).subchannel_ref().subchannel_id() ==
        channel.subchannel_ref(1).subchannel_id());

  const v1::Subchannel first = observer.subchannel(channel.subchannel_ref(0).subchannel_id());
  CHECK(first.data().target() == observed.address());
  CHECK(first.data().state().state() == v1::ChannelConnectivityState::READY);
  CHECK(first.data().calls_started() == 3);
  CHECK(first.data().max_connections_per_subchannel() == ChannelOptions().max_connections);
  REQUIRE(first.data().trace().events_size() == 1);
  CHECK(first.data().trace().events(0).description() == "connected to " + observed.address());
  REQUIRE(first.socket_ref_size() == 1);
  const v1::Socket socket = observer.socket(first.socket_ref(0).socket_id());
  CHECK(socket.data().streams_started() == 3);
  CHECK(socket.data().streams_succeeded() == 3);
  CHECK(socket.data().streams_failed() == 0);
  CHECK(socket.data().messages_sent() == 3);
  CHECK(socket.data().messages_received() == 2);
  CHECK(socket.data().peer_max_concurrent_streams() == ServerOptions().max_concurrent_streams);
  CHECK(socket.data().has_last_local_stream_created_timestamp());
  CHECK_FALSE(socket.data().has_last_remote_stream_created_timestamp());
  CHECK(socket.remote().tcpip_address().port() == port_of(observed.address()));
}

TEST_CASE("a channel that cannot connect shows why") {
  const Observer observer;
  const std::string target = "127.0.0.1:1";
  const Channel channel(target);
  CHECK_FALSE(block_on([&] { return unary(channel, "Echo", "x"); }));
  const v1::Channel shown = observer.channel_to(target);
  CHECK(shown.data().state().state() == v1::ChannelConnectivityState::TRANSIENT_FAILURE);
  CHECK(shown.data().calls_failed() == 1);
  REQUIRE(shown.subchannel_ref_size() == 1);
  const v1::Subchannel subchannel = observer.subchannel(shown.subchannel_ref(0).subchannel_id());
  REQUIRE(subchannel.data().trace().events_size() == 1);
  const v1::ChannelTraceEvent& event = subchannel.data().trace().events(0);
  CHECK(event.severity() == v1::ChannelTraceEvent::CT_WARNING);
  CHECK(event.description().find("refused") != std::string::npos);
}

TEST_CASE("calls in flight are started and not ended; cancelled ones have failed") {
  const Observer observer;
  const Observed observed;
  EventCount enough;
  std::atomic<bool> under_way = false;
  auto call = submit([&]() -> Task<bool> {
    auto chat = observed.channel->bidirectional<RawMessage, RawMessage>("/test.v1.Raw/Chat");
    co_await chat.write(RawMessage{"x"});
    co_await chat.next();
    under_way = true;
    co_await enough.past(0);
    co_return true;  // which drops the call
  });
  while (!under_way) std::this_thread::yield();
  const v1::Server server = observer.server_at(observed.address());
  CHECK(server.data().calls_started() == 1);
  CHECK(server.data().calls_succeeded() + server.data().calls_failed() == 0);
  const v1::Channel channel = observer.channel_to(observed.address());
  CHECK(channel.data().calls_started() == 1);
  CHECK(channel.data().calls_failed() == 0);
  enough.notify();
  CHECK(call.get());
  CHECK(observer.channel_to(observed.address()).data().calls_failed() == 1);
  while (observer.server_at(observed.address()).data().calls_failed() == 0) std::this_thread::yield();
  const v1::Socket socket = observer.only_socket(observer.server_at(observed.address()));
  CHECK(socket.data().streams_started() == 1);
  CHECK(socket.data().streams_succeeded() == 0);
  CHECK(socket.data().streams_failed() == 1);
}

TEST_CASE("what has ended is NOT_FOUND, and its calls stay counted") {
  const Observer observer;
  auto observed = std::make_unique<Observed>();
  CHECK(observed->call("Echo", "x"));
  const v1::Server server = observer.server_at(observed->address());
  const v1::Channel channel = observer.channel_to(observed->address());
  const std::int64_t connection = observer.only_socket(server).ref().socket_id();
  CHECK(block_on([&] { return observed->channel->close(1min); }));
  const v1::Channel closed = observer.channel(channel.ref().channel_id());
  CHECK(closed.data().state().state() == v1::ChannelConnectivityState::SHUTDOWN);
  CHECK(closed.data().calls_succeeded() == 1);
  CHECK(closed.subchannel_ref_size() == 0);
  while (observer.try_socket(connection)) std::this_thread::yield();
  CHECK(observer.try_socket(connection).error().code() == Code::NOT_FOUND);
  CHECK(observer.server(server.ref().server_id()).data().calls_succeeded() == 1);
  observed.reset();
  const auto missing = [](const auto& response, const std::string& message) {
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Code::NOT_FOUND);
    CHECK(response.error().message() == message);
  };
  const v1::Channelz::Stub& stub = observer.stub();
  v1::GetServerRequest get_server;
  get_server.set_server_id(server.ref().server_id());
  const std::string server_id = std::to_string(server.ref().server_id());
  missing(block_on([&] { return stub.GetServer(get_server); }), "no server has id " + server_id);
  v1::GetServerSocketsRequest get_sockets;
  get_sockets.set_server_id(server.ref().server_id());
  missing(block_on([&] { return stub.GetServerSockets(get_sockets); }), "no server has id " + server_id);
  v1::GetChannelRequest get_channel;
  get_channel.set_channel_id(channel.ref().channel_id());
  missing(block_on([&] { return stub.GetChannel(get_channel); }),
          "no channel has id " + std::to_string(channel.ref().channel_id()));
  v1::GetSubchannelRequest get_subchannel;
  get_subchannel.set_subchannel_id(channel.subchannel_ref(0).subchannel_id());
  missing(block_on([&] { return stub.GetSubchannel(get_subchannel); }),
          "no subchannel has id " + std::to_string(get_subchannel.subchannel_id()));
  missing(observer.try_socket(-1), "no socket has id -1");
  get_channel.set_channel_id(server.ref().server_id());
  missing(block_on([&] { return stub.GetChannel(get_channel); }), "no channel has id " + server_id);
}

TEST_CASE("unix sockets have paths or abstract names, or none") {
  const Observer observer;
  const std::string name = "ringrpc-channelz-" + std::to_string(::getpid());
  const Observed observed("unix-abstract:" + name);
  CHECK(observed.call("Echo", "x"));
  const v1::Server server = observer.server_at("unix-abstract:" + name);
  const v1::Socket listening = observer.socket(server.listen_socket(0).socket_id());
  CHECK(listening.local().uds_address().filename() == "@" + name);
  const v1::Socket socket = observer.only_socket(server);
  CHECK(socket.local().uds_address().filename() == "@" + name);
  CHECK(socket.remote().has_other_address() == false);
  CHECK(std::ranges::none_of(socket.data().option(),
                             [](const v1::SocketOption& option) { return option.name() == "TCP_INFO"; }));
}

TEST_CASE("TLS shows the cipher and the certificates of both sides") {
  const auto tls = ServerTls::load(test::server_options());
  REQUIRE(tls);
  const auto client_tls = ClientTls::load(test::client_options());
  REQUIRE(client_tls);
  const Observer observer;
  ServerOptions options;
  options.tls = *tls;
  ChannelOptions channel_options;
  channel_options.tls = *client_tls;
  const Observed observed("tls+127.0.0.1:0", options, channel_options);
  CHECK(observed.call("Echo", "x"));
  const v1::Socket socket = observer.only_socket(observer.server_at(observed.address()));
  const v1::Security::Tls& shown = socket.security().tls();
  CHECK(shown.standard_name().starts_with("TLS_"));
  CHECK(shown.local_certificate().starts_with("\x30"));
  CHECK(shown.remote_certificate().empty());
  const v1::Channel channel = observer.channel_to(observed.address());
  const v1::Subchannel subchannel = observer.subchannel(channel.subchannel_ref(0).subchannel_id());
  const v1::Socket client = observer.socket(subchannel.socket_ref(0).socket_id());
  CHECK(client.security().tls().remote_certificate() == shown.local_certificate());
  CHECK(client.security().tls().standard_name() == shown.standard_name());
}

TEST_CASE("sockets come in pages, by ascending id") {
  constexpr std::size_t connections = 250;
  const Observer observer;
  const Observed observed;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port_of(observed.address()));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::vector<UniqueFd> open;
  for (std::size_t at = 0; at < connections; ++at) {
    open.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(open.back().get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  }
  while (observed.server->counters().connections_open < connections) std::this_thread::yield();
  const std::int64_t server = observer.server_at(observed.address()).ref().server_id();
  for (const std::int64_t most :
       {std::int64_t{0}, std::int64_t{7}, std::numeric_limits<std::int64_t>::max()}) {
    std::vector<std::int64_t> ids;
    for (;;) {
      const auto page = observer.server_sockets(server, ids.empty() ? 0 : ids.back() + 1, most);
      const std::size_t limit = most == 7 ? 7 : ChannelzService::page_max;
      CHECK(page.socket_ref_size() == static_cast<int>(std::min(limit, connections - ids.size())));
      for (const v1::SocketRef& socket : page.socket_ref()) ids.push_back(socket.socket_id());
      if (page.end()) break;
      REQUIRE(page.socket_ref_size() > 0);
    }
    CHECK(ids.size() == connections);
    CHECK(std::ranges::is_sorted(ids, std::less_equal()));
  }
  CHECK(observer.server_sockets(server, std::numeric_limits<std::int64_t>::max()).end());
  open.clear();
  while (observer.server_sockets(server).socket_ref_size() > 0) std::this_thread::yield();
}

TEST_CASE("channels and servers come in pages") {
  const Observer observer;
  std::vector<std::unique_ptr<Channel>> channels;
  for (int at = 0; at < 120; ++at) channels.push_back(std::make_unique<Channel>("127.0.0.1:1"));
  std::vector<std::int64_t> ids;
  int pages = 0;
  for (;; ++pages) {
    const auto page = observer.channels(ids.empty() ? 0 : ids.back() + 1);
    for (const v1::Channel& each : page.channel()) ids.push_back(each.ref().channel_id());
    if (page.end()) break;
    REQUIRE(page.channel_size() == ChannelzService::page_max);
  }
  CHECK(pages == 1);
  CHECK(ids.size() >= 121);
  CHECK(std::ranges::is_sorted(ids, std::less_equal()));
  const Observed one;
  const auto first = observer.servers(0, 1);
  REQUIRE(first.server_size() == 1);
  CHECK_FALSE(first.end());
  CHECK(observer.servers(first.server(0).ref().server_id() + 1).end());
}

TEST_CASE("a negative max_results is INVALID_ARGUMENT") {
  const Observer observer;
  v1::GetServersRequest request;
  request.set_max_results(-1);
  const auto response = block_on([&] { return observer.stub().GetServers(request); });
  REQUIRE_FALSE(response);
  CHECK(response.error().code() == Code::INVALID_ARGUMENT);
}

TEST_CASE("a target that is not UTF-8 does not spoil the responses") {
  const Observer observer;
  const Channel channel("unix:/\xff\xfe\n");
  CHECK(observer.channel_to("unix:/???").ref().channel_id() > 0);
}

TEST_CASE("readers and servers, channels and calls that begin and end do not disturb each other") {
  const Observer observer;
  std::atomic<bool> over = false;
  std::jthread churn([&] {
    for (int round = 0; round < 30; ++round) {
      const Observed observed;
      CHECK(observed.call("Echo", "x"));
    }
    over = true;
  });
  while (!over) {
    for (const v1::Server& server : observer.servers().server()) {
      v1::GetServerSocketsRequest request;
      request.set_server_id(server.ref().server_id());
      const auto sockets = block_on([&] { return observer.stub().GetServerSockets(request); });
      if (!sockets) continue;
      for (const v1::SocketRef& socket : sockets->socket_ref()) (void)observer.try_socket(socket.socket_id());
    }
    (void)observer.channels();
  }
}

}  // namespace
}  // namespace ringrpc
